# SPDX-License-Identifier: Apache-2.0
"""Simulate a message's way through the threads: what rate do loops, scheduler
and writer reach together, and who is busy.

Closed system: each connection has one message under way and the next begins
when it was acknowledged, as the source works.  A message is, in this order:

  loop, receiving (half of its loop cost)
  writer: waits for the commit under way, then is one of all that wait; the
    commit costs commit_us, writer_us for each of them, and one sync_us in
    which the thread waits and the processor is free
  acknowledged: the connection begins anew; and at the same time
  scheduler (scheduler_us)
  loop, sending (the other half); then it is done

Each thread has a processor of its own and takes work in order of arrival;
times are exponential around their means, so that queues form as they do.
Left out: that processors share memory and its bandwidth, that mailboxes get
cheaper by the message the more wait, network and peers, the kernel's own
threads, and results, which the writer takes along with its commits."""
import heapq
import random

WARM_UP = 0.2


class Server:
    """A thread: work in order of arrival."""

    def __init__(self):
        self.free_at = self.busy = 0.0

    def take(self, now, us):
        self.free_at = max(self.free_at, now) + us
        self.busy += us
        return self.free_at


def simulate(loops, connections, loop_us, scheduler_us, writer_us, commit_us,
             sync_us, messages=40000, seed=1):
    """(messages a second, {thread: share of the time that it is busy})."""
    rnd = random.Random(seed)

    def spread(us):
        return rnd.expovariate(1 / us) if us > 0 else 0

    threads = [Server() for _ in range(loops)]
    scheduler, writer = Server(), Server()
    waiting, done, begun, order = [], 0, 0.0, 0
    committing = False
    events = [(rnd.random() * loop_us * connections, n, "begin", n % loops)
              for n in range(connections)]
    heapq.heapify(events)
    order = connections
    now = 0.0

    def at(when, what, arg):
        nonlocal order
        order += 1
        heapq.heappush(events, (when, order, what, arg))

    def commit():
        nonlocal committing
        taken, committing = waiting[:], True
        waiting.clear()
        written = writer.take(now, spread(commit_us) +
                              sum(spread(writer_us) for _ in taken))
        at(written + spread(sync_us), "synced", taken)

    while done < messages:
        now, _, what, arg = heapq.heappop(events)
        if what == "begin":
            at(threads[arg].take(now, spread(loop_us / 2)), "received", arg)
        elif what == "received":
            waiting.append(arg)
            if not committing:
                commit()
        elif what == "synced":
            committing = False
            for loop in arg:
                at(now, "begin", loop)
                at(scheduler.take(now, spread(scheduler_us)), "lent", loop)
            if waiting:
                commit()
        elif what == "lent":
            at(threads[arg].take(now, spread(loop_us / 2)), "sent", arg)
        else:
            done += 1
            if done == int(WARM_UP * messages):
                begun = now
                for t in (*threads, scheduler, writer):
                    t.busy = 0.0
    span = now - begun
    return (1e6 * (done - int(WARM_UP * messages)) / span,
            {"loops": min(1, sum(t.busy for t in threads) / span / loops),
             "scheduler": min(1, scheduler.busy / span),
             "writer": min(1, writer.busy / span)})
