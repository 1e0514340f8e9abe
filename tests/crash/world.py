# SPDX-License-Identifier: Apache-2.0
"""One case's world: a daemon, a sink that keeps books, sources that do, and a
load drawn by the case's seed.

    w = World(case)              # or: spool=FOLDER, more=CONFIGURATION TEXT
    w.start(env={...})           # the daemon, until its console answers
    w.load()                     # sources that go on over lost connections
    w.reach(0.4)                 # that share of the mail was acknowledged
    w.kill(); w.start()          # any number of times, by any means
    w.finish()                   # all is served, the books are compared

`kill` notes what the spool held; a kind that ends the daemon in another way,
or puts another spool in its place, calls `died` itself, before the next start.
"""
import os
import random
import signal
import subprocess
import threading
import time

from daemon import BUILD, IMPEL, Impeld, wait_for
from invariant import Crash, Journal, Open, Seen, Violation, dump, violations
from peers import listening

PATIENCE = 60  # seconds until something that must come is given up
TOTAL_BYTES = 8_000_000
# Lines that all daemons get: how a test of these tests breaks what they guard.
MORE = os.environ.get("IMPEL_CRASH_CONF", "")

LISTENER = """
ESMTP_Listener {
  Listen "%s:2525" { }
  Relay_Hosts = ( "127.0.0.0/8" )
}
Routes = ( "smtp://%s?port=2600" )
Spoolbase = "%s"
Spool_Min_Free = 0
Spool_Min_Free_Files = 0
Retry_Interval = 1
Host_Failure_Retry = 1
Max_Outbound_Connections = 20
"""


# What a Mover moves mail between.
BINDINGS = '''
binding "c1" { }
binding_group "g" { binding "m1" { } binding "m2" { } }
'''


class Mover(threading.Thread):
    """Moves queued mail to and fro for as long as the case lasts, whether the
    daemon is there to do it or not."""

    def __init__(self, case, control):
        super().__init__(daemon=True)
        # Dice of its own: what a case draws besides does not change.
        self.dice = random.Random(f"{case.seed}/{case.name}/mover")
        self.control, self.over = control, threading.Event()
        self.said = {}

    def words(self):
        d = self.dice
        if d.random() < 0.6:
            return ["rebind", d.choice(["all", "default", "c1", "m1"]),
                    *d.choice([[], ["to", "c1"], ["to", "default"],
                               ["to", "g"], ["to", "g"]])]
        return ["reroute", "queue", *d.choice([
            ["all"], ["all", "moved.bench.test"], ["moved.bench.test"]])]

    def run(self):
        while not self.over.wait(self.dice.uniform(0, 0.1)):
            p = subprocess.run(
                [str(IMPEL), "-s", str(self.control), *self.words()],
                capture_output=True, text=True, timeout=PATIENCE)
            verb = p.stdout.split(" ")[0] if p.returncode == 0 else "nobody"
            self.said[verb] = self.said.get(verb, 0) + 1

    def stop(self):
        self.over.set()
        self.join()


def moves(case):
    """Is mail moved in this case?  Dice of its own, as above."""
    return random.Random(f"{case.seed}/{case.name}/moves").random() < 0.3


def own_address():
    """A loopback address that no other process of this machine draws."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 64}.{(pid >> 8) % 256}.{pid % 256 or 256}" \
        .replace(".256", ".1")


class Daemon(Impeld):
    """impeld, with an environment of its own."""
    extra = {}

    def environment(self):
        return dict(os.environ, ASAN_OPTIONS="detect_leaks=0", **self.extra)


class World:
    def __init__(self, case, spool=None, more="", late=False,
                 times=1, moving=False):
        """late: there must be mail that stays until the end; times: so much
        more mail; moving: it is moved from queue to queue meanwhile."""
        self.late, self.times = late, times
        self.case, self.chance = case, case.chance
        self.dir = case.dir
        self.address = own_address()
        self.spool = spool or self.dir / "impel" / "spool"
        self.crashes, self.sources, self.journals = [], [], []
        self.total = 0
        self.served = self.dir / "served"
        self.drawn = self.draw()
        case.note(self.drawn)
        self.sink = self.start_sink()
        conf = LISTENER % (self.address, self.address, self.spool)
        self.daemon = Daemon(self.dir / "impel", conf + self.conf + more + MORE +
                             (BINDINGS if moving else ""),
                             listener=False, start=False)
        self.mover = Mover(case, self.daemon.control) if moving else None

    # --- what is drawn ---

    def draw(self):
        """Sizes and numbers of everything; as text, for who repeats it."""
        c = self.chance
        self.threshold = c.choice([131072, 16384, 16384])
        self.loads = [self.draw_load(0, c.choice([300, 2000, 5000, 5000, 9000]))]
        if c.random() < 0.4:
            self.loads.append(self.draw_load(
                1000000, c.choice([1, 2, 8]) * self.threshold + 999))
        self.sink_options = ["-v", "-x"]
        for option, values in (("-t", [0, 0, 5, 30]), ("-e", [0, 0, 10]),
                               ("-d", [0, 0, 2, 20])):
            self.sink_options += [option, str(c.choice(values))]
        self.sink_options += [o for o in ("-P", "-C") if c.random() < 0.15]
        self.conf = (
            f"Large_Message_Threshold = {self.threshold}\n"
            f"Spool_Segment_Size = {c.choice(['1M', '1M', '4M'])}\n"
            f"Spool_Compact_At = {c.choice([10, 50, 90])}\n"
            f"Max_Resident_Bytes = {c.choice(['0', '100k', '256M'])}\n" +
            c.choice(["", "", 'eventloop "p" { concurrency = 3 }\n']))
        return " ".join(["sink", *self.sink_options, "|"] +
                        self.conf.split("\n")[:-1] +
                        [f"| {' '.join(x)}" for x in self.loads])

    def draw_load(self, first, size):
        c = self.chance
        recipients = c.choice([1, 1, 1, 2, 4])
        most = TOTAL_BYTES // (size + 500)
        n = max(5, min(c.choice([100, 300, 600, 1000]) // recipients, most))
        return ["-i", str(first), "-n", str(n * self.times), "-s", str(size), "-r",
                str(recipients), "-c", str(c.choice([1, 3, 10, 20])), "-d",
                str(c.choice([1, 3, 20])), "-x", str(c.choice([0, 0, 5])),
                "-z", str(c.choice([10, 50] if self.late else [0, 0, 0, 10])),
                *(["-B"] if c.random() < 0.5 else []),
                *(["-k", "3"] if c.random() < 0.2 else [])]

    # --- processes ---

    def start_sink(self):
        p = subprocess.Popen(
            [str(BUILD / "tests/bench/sink"), "-a", self.address, "-l",
             str(self.served), *self.sink_options], stdout=subprocess.DEVNULL)
        wait_for(lambda: listening(2600, self.address), what="the sink")
        return p

    def start(self, env=None, wait=True):
        """Start the daemon.  With wait=False it may still be recovering."""
        if self.crashes:
            self.crashes[-1].restarted = time.monotonic()
        self.daemon.extra = env or {}
        self.daemon.start(ready=PATIENCE if wait else None)

    def load(self):
        for options in self.loads:
            journal = self.dir / f"journal{len(self.sources)}"
            self.sources.append(subprocess.Popen(
                [str(BUILD / "tests/bench/source"), "-h", self.address, "-R",
                 "-T", "120", "-j", str(journal), *options],
                stdout=subprocess.DEVNULL))
            said = dict(zip(options, options[1:]))
            self.journals.append(Journal(journal, int(said["-r"])))
            self.total += int(said["-n"])
        if self.mover:
            self.mover.start()

    def acknowledged(self):
        return sum(len(j.read()[1]) for j in self.journals)

    def reach(self, share, patience=PATIENCE):
        """Until that share of all messages was acknowledged."""
        wait_for(lambda: self.lives() and
                 self.acknowledged() >= share * self.total, patience,
                 f"{share:.0%} of the load")

    def lives(self):
        """Nobody but the case may end the daemon."""
        if self.daemon.process.poll() is not None:
            raise Violation("the daemon ended by itself: " +
                            self.daemon.stderr()[-3000:])
        return True

    def reach_compaction(self):
        """Until segments are copied, or for longer than it takes until the
        daemon looks for some to copy; and a moment more."""
        began, end = self.compactions(), time.monotonic() + 2.5
        while time.monotonic() < end and self.compactions() == began:
            time.sleep(0.001)
        self.case.note(f"{self.compactions() - began} compactions had begun")
        time.sleep(self.chance.choice([0, self.chance.uniform(0, 0.02)]))

    def compactions(self):
        return sum("spool-compact-start" in x
                   for x in self.daemon.log("paniclog"))

    def kill(self):
        """SIGKILL now; the spool is looked at."""
        at = time.monotonic()
        self.daemon.kill()
        self.died(at)

    def died(self, at, spool=None):
        """The daemon is gone, since `at`; what is open in its spool now?"""
        self.crashes.append(Crash(at, dump(IMPEL, spool or self.spool)))

    def look(self):
        """Something else has changed the spool since the crash."""
        c = self.crashes[-1]
        self.crashes[-1] = Crash(c.at, dump(IMPEL, self.spool))

    # --- the end ---

    def finish(self, late=True, refusals=False):
        """All goes well from now on: the rest is sent, everything is served,
        the daemon ends in order, and the books are right."""
        self.sink.send_signal(signal.SIGUSR1)
        for s in self.sources:
            wait_for(lambda s=s: self.lives() and s.poll() is not None,
                     PATIENCE, "the end of a source")
            if s.returncode != 0:
                raise Violation("the source could not hand over all its mail")
        self.keep_still()
        self.drain()
        self.daemon.terminate()
        self.daemon.finish()
        self.nothing_is_open()
        self.compare(late, refusals)
        self.look_at_spool()

    def keep_still(self):
        """Nothing moves any more."""
        if self.mover and self.mover.ident:
            self.mover.stop()
            self.case.note(f"moved: {self.mover.said}")

    def drain(self):
        end = time.monotonic() + PATIENCE
        while True:
            s = self.daemon.summary()
            if not s["Recovering"] and int(s["TotalQueueSize"]) == 0 and \
                    int(s["Messages"]) == 0:
                return
            self.daemon.ask("flush", "domain", "all")
            if time.monotonic() > end:
                raise Violation("mail stays queued: " +
                                self.daemon.ask("summary"))
            time.sleep(0.05)

    def nothing_is_open(self):
        still = Open(dump(IMPEL, self.spool)).addresses
        if still:
            raise Violation(f"the queues were empty, the spool has {len(still)}"
                            f" recipients: {sorted(still)[:5]}")

    def compare(self, late=True, refusals=False):
        wrong = violations(self.journals, Seen(self.served), self.crashes,
                           late, refusals)
        if wrong:
            more = f"\n... {len(wrong)} in all" if len(wrong) > 5 else ""
            raise Violation("\n".join(wrong[:5]) + more)

    def look_at_spool(self):
        """Nothing is wrong in it, nothing is left over, nobody panicked."""
        p = subprocess.run([str(IMPEL), "spool", "check", str(self.spool)],
                           capture_output=True, text=True, timeout=120)
        if p.returncode != 0:
            raise Violation("spool check: " + p.stdout[-1000:] + p.stderr)
        left = [f for f in (self.spool / "large").rglob("*") if f.is_file()]
        if left:
            raise Violation(f"bodies that nobody needs: {left[:5]}")
        if any((self.spool / "quarantine").glob("*")):
            raise Violation("a crash is no damage, and this was quarantined: "
                            f"{list((self.spool / 'quarantine').glob('*'))}")
        text = "\n".join(self.daemon.log("paniclog")) + self.daemon.stderr()
        if "parcel-unexplained" in text:
            raise Violation("a parcel waited without a reason")

    def close(self):
        """Whatever happened: no process stays."""
        if self.mover and self.mover.ident:
            self.mover.over.set()
        for p in [*self.sources, self.sink, self.daemon.process]:
            if p and p.poll() is None:
                p.kill()
            if p:
                p.wait()
