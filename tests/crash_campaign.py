#!/usr/bin/python3
"""A campaign of kill -9: what is acknowledged is there after any crash, and nothing is half there.

Writers on connections of their own pipeline SET, MSET, INCR, DEL and transactions of them to the
real binary (RocksDB, fsync) and remember what was acknowledged and what was only sent. The process
is killed after a seeded number of acknowledgements, or kills itself at a step of a commit
(WEIR_FAILPOINT); now and then again while it recovers; and is started anew. What each writer finds
then must be what was acknowledged plus a prefix, in the order sent, of what was not: so no MSET
and no transaction is half there. A counter that all share must lie between what was acknowledged
and what was sent. DBSIZE must be the number of keys that a whole SCAN returns, and those the keys
of the writers.

    crash_campaign.py WEIR [--cycles 1000] [--seed N] [--jobs 2]

A job is a server with its writers; it has a seed of its own. What a failing one prints repeats its
choices; the moments of its kills are the machine's.
"""

import argparse
import multiprocessing
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time

import weir_process

WRITERS = 4
KEYS = 24         # Of each writer, for SET and DEL.
GROUPS = 4        # Of each writer, of GROUP_KEYS keys that only ever change together.
GROUP_KEYS = 3
BATCH = 24        # Commands that a writer sends at once; two batches are under way.
SHARED = b"shared"
ACKNOWLEDGEMENTS = 1500  # Between kills, at most.
COMMITS = 60             # Before a failpoint, at most.
STEPS = ("pre_commit", "post_commit", "pre_publish", "pre_reply")
KINDS = ("random", "recovery", *STEPS)


class Violation(Exception):
    """A promise that was broken."""


def apply(state, words):
    """Does to a writer's `state` ({key: value}) what the command does to the server."""
    if words[0] == "EXEC":
        for step in words[2]:
            apply(state, step)
    elif words[0] == "SET":
        state[words[1]] = words[2]
    elif words[0] == "DEL":
        state.pop(words[1], None)
    elif words[0] == "MSET":
        state.update(zip(words[1::2], words[2::2]))
    elif words[1] != SHARED:
        state[words[1]] = b"%d" % (int(state.get(words[1], b"0")) + 1)


def requests(words):
    """Returns what is sent for a command, or for a transaction ("EXEC", None, steps)."""
    return [("MULTI",), *words[2], ("EXEC",)] if words[0] == "EXEC" else [words]


class Writer:
    """One connection's commands. `acknowledged` is the state that its replies promise."""

    def __init__(self, number, seed):
        self.number, self.random = number, random.Random(seed)
        self.keys = [b"w%d:key:%d" % (number, i) for i in range(KEYS)]
        self.counter = b"w%d:counter" % number
        self.groups = [[b"w%d:group:%d:%d" % (number, g, i) for i in range(GROUP_KEYS)]
                       for g in range(GROUPS)]
        self.all_keys = self.keys + [self.counter] + sum(self.groups, [])
        self.acknowledged = {}
        self.pending = []         # Sent, without a reply so far.
        self.sequence = 0
        self.shared_replies = []
        self.replies = 0
        self.error = None

    def next_command(self):
        if self.random.random() < 0.1:
            return ("EXEC", None, tuple(self.next_step() for _ in range(3)))
        words = self.next_step()
        return ("INCR", SHARED) if words[0] == "INCR" and self.random.random() < 0.5 else words

    def next_step(self):
        self.sequence += 1
        value = b"%d:%d" % (self.number, self.sequence) + b"x" * self.random.randrange(100)
        kind = self.random.random()
        if kind < 0.5:
            return ("SET", self.random.choice(self.keys), value)
        if kind < 0.6:
            return ("DEL", self.random.choice(self.keys))
        if kind < 0.8:
            return ("MSET", *(word for key in self.random.choice(self.groups)
                              for word in (key, value)))
        return ("INCR", self.counter)

    def send_batch(self, client):
        batch = [self.next_command() for _ in range(BATCH)]
        self.pending += batch  # Before the send: how much of it arrives is unknown.
        client.send(b"".join(weir_process.encode(*request) for words in batch
                             for request in requests(words)))

    def read_batch(self, client):
        for _ in range(BATCH):
            replies = [client.read() for _ in requests(self.pending[0])]
            reply = replies[-1]
            words = self.pending.pop(0)
            if isinstance(reply, weir_process.ErrorReply) or (
                    words[0] == "EXEC" and len(reply) != len(words[2])):
                self.error = f"{words[0]} was answered {reply!r}"
                return
            if words[1] == SHARED:
                self.shared_replies.append(reply)
            apply(self.acknowledged, words)
            self.replies += 1

    def run(self, port):
        """Writes until the server is gone."""
        try:
            with weir_process.Client(port) as client:
                self.send_batch(client)
                while self.error is None:
                    self.send_batch(client)
                    self.read_batch(client)
        except (OSError, EOFError):
            pass

    def settle(self, found):
        """Takes over what the server holds. Raises Violation when no prefix of what was sent
        without a reply leads there. Returns how many INCR of SHARED that leaves in the open."""
        unknown = sum(1 for words in self.pending if words[1] == SHARED)
        state = dict(self.acknowledged)
        for applied in range(len(self.pending) + 1):
            if state == found:
                self.acknowledged, self.pending = found, []
                return unknown
            if applied < len(self.pending):
                apply(state, self.pending[applied])
        different = {key: (self.acknowledged.get(key), found.get(key)) for key in self.all_keys
                     if self.acknowledged.get(key) != found.get(key)}
        raise Violation(f"writer {self.number}: of (acknowledged, found) {different}, no prefix of "
                        f"the {len(self.pending)} commands without a reply gives this")


class History:
    """What all writers know, and the comparison of it with a server that has recovered."""

    def __init__(self, seed):
        self.writers = [Writer(i, seed * 100 + i) for i in range(WRITERS)]
        self.shared = 0  # What SHARED held when it was last compared.
        self.cycles = 0
        self.writes = 0

    def run_until_killed(self, server, acknowledgements):
        """Kills the server after so many acknowledgements, unless it has killed itself."""
        threads = [threading.Thread(target=w.run, args=(server.port,)) for w in self.writers]
        done_before = sum(w.replies for w in self.writers)
        for thread in threads:
            thread.start()
        weir_process.wait_until(
            lambda: sum(w.replies for w in self.writers) - done_before >= acknowledgements
            or server.process.poll() is not None
            or any(w.error for w in self.writers), "writes are acknowledged", pause=0.001)
        server.kill()
        for thread in threads:
            thread.join()
        for writer in self.writers:
            if writer.error:
                raise Violation(writer.error)
        self.cycles += 1
        self.writes = sum(w.replies for w in self.writers)

    def check(self, server):
        with server.client() as client:
            keys = [key for w in self.writers for key in w.all_keys] + [SHARED]
            values = client.command("MGET", *keys)
            found = {key: value for key, value in zip(keys, values) if value is not None}
            self.check_counts(client, found)
            unknown = 0
            for writer in self.writers:
                unknown += writer.settle({key: found[key] for key in writer.all_keys
                                          if key in found})
            self.check_shared(int(found.get(SHARED, b"0")), unknown)

    def check_counts(self, client, found):
        scanned, cursor = [], b"0"
        while True:
            cursor, page = client.command("SCAN", cursor, "COUNT", "1000")
            scanned += page
            if cursor == b"0":
                break
        if sorted(scanned) != sorted(found):
            raise Violation(f"SCAN and MGET differ by {set(scanned) ^ set(found)}, or SCAN repeats")
        size = client.command("DBSIZE")
        if size != len(scanned):
            raise Violation(f"DBSIZE is {size}, SCAN returns {len(scanned)} keys")

    def check_shared(self, value, unknown):
        replies = sorted(reply for w in self.writers for reply in w.shared_replies)
        if len(set(replies)) != len(replies):
            raise Violation("two INCR of one key had the same answer")
        if not self.shared + len(replies) <= value <= self.shared + len(replies) + unknown:
            raise Violation(f"the shared counter is {value}, not {self.shared} + {len(replies)} "
                            f"and at most {unknown} more")
        if replies and value < replies[-1]:
            raise Violation(f"the shared counter is {value} and had been {replies[-1]}")
        self.shared = value
        for writer in self.writers:
            writer.shared_replies = []


class Campaign:
    """A server that is killed again and again. `kills` counts how, by what killed it."""

    def __init__(self, weir, directory, seed):
        self.weir, self.directory = weir, directory
        self.choice = random.Random(seed)
        self.history = History(seed)
        self.server = None
        self.kills = dict.fromkeys(KINDS, 0)

    def start(self, wait=True, failpoint=None):
        environment = {"WEIR_FAILPOINT": failpoint} if failpoint else None
        self.server = weir_process.Weir(self.weir, self.directory, "--memory", "256MiB",
                                        *weir_process.PATIENT, env=environment, wait=wait)
        return self.server

    def stop(self):
        if self.server:
            self.server.kill()

    def kill_during_recovery(self):
        self.start(wait=False)
        try:
            self.server.wait(self.choice.uniform(0.001, 0.06))
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.kills["recovery"] += 1

    def cycle(self):
        """One kill while clients write, and a start that must find everything."""
        step = self.choice.choice(("random",) * len(STEPS) + STEPS)
        if step == "random":
            self.history.run_until_killed(self.start(), self.choice.randrange(1, ACKNOWLEDGEMENTS))
        else:
            self.start(failpoint=f"{step}:{self.choice.randrange(1, COMMITS)}").expect_signal()
            self.history.run_until_killed(self.server, 1 << 60)
            if self.server.process.returncode != -9:
                raise Violation(f"the failpoint ended it with {self.server.process.returncode}")
        self.kills[step] += 1
        if self.choice.random() < 0.2:
            self.kill_during_recovery()
        self.history.check(self.start())
        self.server.kill()


def run_job(arguments, seed, cycles, tallies):
    """Puts (seed, cycles, writes, kills, error) into the queue after each cycle."""
    with tempfile.TemporaryDirectory(prefix="weir-crash-") as directory:
        campaign = Campaign(arguments.weir, os.path.join(directory, "weir"), seed)
        error = None
        for _ in range(cycles):
            try:
                campaign.cycle()
            except Exception as caught:  # Of any kind: the seed belongs to it.
                error = f"{type(caught).__name__}: {caught}"
            tallies.put((seed, campaign.history.cycles, campaign.history.writes,
                         dict(campaign.kills), error))
            if error:
                break
        campaign.stop()


def follow(jobs, tallies, cycles):
    """Shows what the jobs do until they end. Returns the last tally of each seed."""
    last, began = {}, time.monotonic()
    while any(job.is_alive() for job in jobs) or not tallies.empty():
        try:
            tally = tallies.get(timeout=0.5)
        except queue.Empty:
            continue
        last[tally[0]] = tally
        if sys.stderr.isatty():
            print(f"\r{sum(t[1] for t in last.values())} of {cycles} cycles, "
                  f"{sum(t[2] for t in last.values())} acknowledged writes, "
                  f"{time.monotonic() - began:.0f} s", end="", file=sys.stderr)
    return last


def main():
    parser = argparse.ArgumentParser(description="kill -9, again and again")
    parser.add_argument("weir")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 8))
    arguments = parser.parse_args()
    arguments.weir = os.path.abspath(arguments.weir)
    jobs = max(1, min(arguments.jobs, arguments.cycles))
    began = time.monotonic()
    tallies = multiprocessing.Queue()
    shares = {arguments.seed + i: arguments.cycles // jobs + (i < arguments.cycles % jobs)
              for i in range(jobs)}
    running = [multiprocessing.Process(target=run_job, args=(arguments, seed, share, tallies))
               for seed, share in shares.items()]
    for job in running:
        job.start()
    last = follow(running, tallies, arguments.cycles)
    kills = {kind: sum(tally[3][kind] for tally in last.values()) for kind in KINDS}
    print(f"\nseed {arguments.seed}: " + ", ".join(f"{kind} {n}" for kind, n in kills.items()))
    for seed, _, _, _, error in last.values():
        if error:
            print(f"seed {seed}: {error}\nagain: tests/crash_campaign.py {arguments.weir} "
                  f"--seed {seed} --jobs 1 --cycles {shares[seed]}")
    cycles = sum(tally[1] for tally in last.values())
    whole = cycles == arguments.cycles and not any(tally[4] for tally in last.values())
    print(f"cycles {cycles} acknowledged {sum(tally[2] for tally in last.values())} "
          f"seconds {time.monotonic() - began:.0f} "
          f"{'lost 0 holes 0 doubled 0' if whole else 'FAILED'}")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
