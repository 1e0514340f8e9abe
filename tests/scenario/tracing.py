# SPDX-License-Identifier: Apache-2.0
"""The system calls of a daemon, by strace: in which order they began and
ended.

    d = impeld(conf, wrap=tracing.strace(path))
    ...
    t = Trace(path)
    t.calls             # each call, in the order of their beginnings
"""
import re
import subprocess

import pytest

CALLS = ("recvfrom,recvmsg,read,readv,sendto,sendmsg,write,writev,pwrite64,"
         "pwritev,fsync,fdatasync,openat,mkdir,rename,futex,epoll_wait,"
         "epoll_pwait,epoll_pwait2,poll,ppoll,nanosleep,clock_nanosleep")
# What the same is called on machines of 32 bits.
OTHER = {"recv": "recvfrom", "send": "sendto", "futex_time64": "futex",
         "ppoll_time64": "ppoll", "clock_nanosleep_time64": "clock_nanosleep"}
WHOLE = re.compile(r"(\d+)\s+([\d.]+) (\w+)\((.*)$", re.S)
RESUMED = re.compile(r"(\d+)\s+([\d.]+) <\.\.\. (\w+) resumed>(.*)$", re.S)
RESULT = re.compile(r"\)\s+= (-?\d+|\?)(.*)$", re.S)


def strace(path, calls=CALLS, size=20000):
    """What to start a daemon with; of texts so many octets are kept."""
    probe = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"],
                           capture_output=True)
    if probe.returncode != 0:
        pytest.skip("this machine refuses ptrace")
    asked = calls.split(",")
    calls = ",".join(asked + ["?" + o for o in OTHER if OTHER[o] in asked])
    return ["strace", "-f", "-y", "-ttt", "-s", str(size), "-e",
            "trace=" + calls, "-o", str(path)]


class Call:
    """began, ended: places in the trace; the latter is infinite for one that
    never came back.  asked: what was printed when it began."""
    ended, result, error = float("inf"), None, ""

    def __init__(self, thread, name, text, began, when):
        self.thread, self.name, self.text = thread, name, text
        self.began, self.when, self.asked = began, when, text.rstrip()

    def finish(self, text, ended):
        self.text += text
        m = RESULT.search(self.text)
        if m:
            self.ended = ended
            self.result = None if m[1] == "?" else int(m[1])
            self.error = m[2].strip()

    @property
    def file(self):
        """The path of the descriptor, or the last path named."""
        m = re.match(r"\d+<([^>]*)>", self.text)
        if m:
            return m[1]
        names = re.findall(r'"([^"]*)"', self.text)
        return names[-1] if names else ""

    @property
    def offset(self):
        return int(re.search(r", (\d+)\s*\)\s+= ", self.text)[1])

    def says(self, text):
        """Is it in what was read or written, rather than in a path?"""
        return text in self.text.split(">", 1)[-1]

    def before(self, other):
        return self.ended < other.began

    def __repr__(self):
        return (f"[{self.began}-{self.ended} {self.thread} {self.name}"
                f"({self.text[:90]}... = {self.result}]")


class Trace:
    def __init__(self, path):
        self.calls, under_way = [], {}
        for at, line in enumerate(path.read_text(errors="replace").split("\n")):
            m = RESUMED.match(line)
            if m:
                c = under_way.pop(m[1], None)
                if c:
                    c.finish(m[4], at)
                continue
            m = WHOLE.match(line)
            if not m:
                continue
            text, cut, _ = m[4].partition("<unfinished ...>")
            name = OTHER.get(m[3], m[3])
            c = Call(m[1], name, text, at, float(m[2]))
            self.calls.append(c)
            if cut:
                under_way[m[1]] = c
            else:
                c.finish("", at)
        self.drop_echoes()

    def drop_echoes(self):
        """When a process is killed, strace may ask in vain what a thread of
        it calls; it then prints what another thread was calling."""
        first, calls = {}, []
        for c in self.calls:
            like = first.setdefault((c.name, c.asked), c)
            if c.ended != float("inf") or like.thread == c.thread:
                calls.append(c)
        self.calls = calls

    def named(self, *names):
        return [c for c in self.calls if c.name in names]

    def syncs(self):
        return self.named("fsync", "fdatasync")

    def writes(self):
        """To files of the spool."""
        return [c for c in self.named("pwrite64", "pwritev")
                if "/spool/" in c.file]

    def reads(self, text):
        return [c for c in self.named("recvfrom", "recvmsg", "read", "readv")
                if c.says(text)]

    def sends(self, text):
        return [c for c in self.named("sendto", "sendmsg", "write", "writev")
                if c.says(text)]

    def write_of(self, segment, offset):
        """The call that wrote that byte of a segment."""
        found = [c for c in self.writes()
                 if c.file.endswith(f"/{segment}.seg") and (c.result or 0) > 0 and
                 c.offset <= offset < c.offset + c.result]
        assert len(found) == 1, (segment, offset, found)
        return found[0]
