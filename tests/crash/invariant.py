# SPDX-License-Identifier: Apache-2.0
"""What must hold after a crash, computed from three witnesses: the source's
journal, the sink's log, and the spool as the crash left it.

A *copy* is one attempt of the source to hand over one message; it has
recipients of its own, r<k>.<n>.<a>@d<j> (x... if the sink refuses them,
z... if it puts them off), so two copies of a message are never mistaken for a
copy that came twice.

    acknowledged       each recipient was served, or reported to the sender
    handed over whole  all of its recipients have an outcome, or none has
    refused            nothing of it is seen, unless the process ended before
                       the end of a failed commit was on disk (`refusals`)
    anything else      nothing of it is seen, ever
    every body         is the one that was sent
    served twice       only over a crash after which the spool had no DONE of
                       it: the peer's last reply was not read, or its DONE was
                       not durable.  Both sets together are what the sink served
                       before the crash and the spool, after it, has open.
    reported twice     once more for each crash that found the failure not DONE
                       (so it fails again), and for each report that a crash
                       found served and not DONE
    served long before a crash: its DONE is durable
"""
import re
import subprocess
from collections import Counter, defaultdict

# Results are synced 50 ms after they came at the latest; the rest is for a
# disk and processors that others use, too.
LAST_MOMENTS = 1.0

RECORD = re.compile(r"[0-9a-f]{8}:\d+ ([A-Z]+) lsn=\d+ id=(\S+)")
NAMED = re.compile(r"Final-Recipient: rfc822; ?(\S+)", re.I)
ADDRESS = re.compile(r"[rxz](\d+)\.(\d+\.\d+)@")


class Violation(Exception):
    """Something that must hold does not."""


class Journal:
    """What a source handed over, and what was acknowledged: "N.A"."""

    def __init__(self, path, recipients):
        self.path, self.recipients = path, recipients

    def read(self):
        sent, acked, self.refused = set(), set(), set()
        to = {"sent": sent, "acked": acked, "refused": self.refused}
        if self.path.exists():
            for line in self.path.read_text().split("\n")[:-1]:
                word, copy = line.split()
                to[word].add(copy)
        return sent, acked


class Seen:
    """The sink's log: address -> times, by kind of line."""

    def __init__(self, path):
        self.served, self.reported, self.refused = (
            defaultdict(list), defaultdict(list), defaultdict(list))
        self.bad = []
        to = {"ok": self.served, "bad": self.served, "dsn": self.reported,
              "no": self.refused}
        for line in path.read_text().split("\n")[:-1] if path.exists() else ():
            address, _, what, when = line.split()
            to[what][address].append(int(when) / 1e6)
            if what == "bad":
                self.bad.append(address)


def dump(impel, spool):
    p = subprocess.run([str(impel), "spool", "dump", "bodies", str(spool)],
                       capture_output=True, text=True, errors="replace",
                       timeout=120)
    if p.returncode != 0:
        raise Violation("spool dump: " + p.stdout[-500:] + p.stderr[-500:])
    return p.stdout


def runs(text):
    """The numbers that "rcpt=0-2,5" names."""
    found = re.search(r" rcpt=([-0-9,]+)", text)
    for part in found[1].split(",") if found else ():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


class Open:
    """What a spool, read before the daemon recovers it, holds unfinished."""

    def __init__(self, text):
        self.to, self.done, self.names = {}, defaultdict(set), defaultdict(set)
        of = None  # whose body the lines that are no records belong to
        for line in text.split("\n"):
            m = RECORD.match(line)
            if m:
                of = self.record(m[1], m[2], line)
            elif of and (n := NAMED.match(line)):
                self.names[of].add(n[1])
        self.addresses, self.reports = set(), Counter()
        for message, to in self.to.items():
            left = [a for i, a in enumerate(to)
                    if i not in self.done[message]]
            self.addresses.update(left)
            if left:
                self.reports.update(self.names[message])

    def record(self, kind, message, line):
        if kind in ("ACCEPT", "COPY"):
            to = line.split(" to=", 1)[1].split(" ", 1)[0]
            self.to[message] = re.findall(r"<([^>]*)>", to)
        if kind in ("DONE", "COPY"):
            # what a COPY names is done, too
            self.done[message].update(runs(line.split(" from=", 1)[0]))
        if kind == "DONE" and " all" in line:
            self.done[message].update(range(1000))
        return message if kind in ("ACCEPT", "COPY") else None


class Crash:
    """One end of a daemon: when, and what it left.  `restarted` is set when
    the next one begins."""

    def __init__(self, at, spool_text):
        self.at, self.restarted = at, float("inf")
        self.open = Open(spool_text)


def excused(crashes, first, second, is_open):
    """Does a crash between two times explain why it came again?"""
    return any(first < c.restarted <= second and is_open(c) for c in crashes)


def check_served(seen, crashes, wrong):
    for address, when in seen.served.items():
        for first, second in zip(when, when[1:]):
            if not excused(crashes, first, second,
                           lambda c, a=address: a in c.open.addresses):
                wrong.append(f"{address} was served twice, {second - first:.3f}"
                             " s apart, and no crash between explains it")


def before(times, when):
    return any(t < when for t in times)


def check_reported(seen, crashes, wrong):
    for address, when in seen.reported.items():
        allowed = 1 + sum(
            (address in c.open.addresses and
             before(seen.refused[address], c.restarted)) +
            c.open.reports[address] * before(when, c.restarted)
            for c in crashes)
        if len(when) > allowed:
            wrong.append(f"{address} was reported {len(when)} times, and the "
                         f"crashes explain {allowed}")
        if address not in seen.refused:
            wrong.append(f"{address} was reported; nobody refused it")


def check_copies(journal, seen, refusals, wrong):
    """Each copy of a message: all, none, or whatever it must be."""
    sent, acked = journal.read()
    had = defaultdict(set)
    for address in [*seen.served, *seen.reported]:
        m = ADDRESS.match(address)
        if m:
            had[m[2]].add(int(m[1]))
    everyone = set(range(journal.recipients))
    for copy in sorted(journal.refused) if refusals else ():
        if had[copy]:
            wrong.append(f"message {copy} was refused, and came")
    for copy in sorted(acked):
        if had[copy] != everyone:
            wrong.append(f"message {copy} was acknowledged; its recipients "
                         f"{sorted(everyone - had[copy])} got nothing")
    for copy in sorted(sent - acked):
        if had[copy] and had[copy] != everyone:
            wrong.append(f"message {copy} was not acknowledged, and came to "
                         f"{sorted(had[copy])} of {journal.recipients} only")
    return sent


def check_late(seen, crashes, wrong):
    for c in crashes:
        for address in c.open.addresses:
            old = [t for t in seen.served.get(address, ())
                   if t < c.at - LAST_MOMENTS]
            if old and not excused(crashes, old[-1], c.at,
                                   lambda x, a=address: a in x.open.addresses):
                wrong.append(f"{address} was served {c.at - old[-1]:.3f} s "
                             "before the crash, and its DONE is not on disk")


def violations(journals, seen, crashes, late=True, refusals=False):
    """What does not hold, a line each.  late: also that results become durable
    in time, which a disk that fails cannot promise.  refusals: also that what
    was refused is not there, which a process that ends while its disk fails
    cannot promise."""
    wrong = [f"{a}: the body differs from what was sent" for a in seen.bad]
    whole = set()
    for j in journals:
        whole |= check_copies(j, seen, refusals, wrong)
    for address in [*seen.served, *seen.reported]:
        m = ADDRESS.match(address)
        if not m or m[2] not in whole:
            wrong.append(f"{address} came, and was never handed over whole")
    check_served(seen, crashes, wrong)
    check_reported(seen, crashes, wrong)
    if late:
        check_late(seen, crashes, wrong)
    return wrong
