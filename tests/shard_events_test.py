#!/usr/bin/python3
"""Goal: whatever becomes of ranges and directories, clients lose nothing, read nothing old and get
no error.

Method: the real binary, which begins with one directory. Events at random, EVENTS of them that took
effect: ranges are split, merged, moved, rolled back, finished, cancelled; directories are added and
emptied; the process is killed, or stopped, and started again with its same command line. Meanwhile
clients write, delete and read keys of their own, whose every reply is known beforehand, in
pipelines too; and one reads counters of theirs, which never go back. Outcomes that a kill left open
are settled by what is found after it; nothing else may differ. At the end everything must be there,
SCAN return every key exactly once, and `weir verify` find all in its place.

    shard_events_test.py WEIR
"""

import collections
import os
import random
import subprocess
import sys
import threading
import unittest

import weir_process

WEIR = ""
SEED = 20261127
EVENTS = 520
CLIENTS = 3
KEYS = 150  # Of each client; with a counter each.
COUNTERS = 10
DIRECTORIES = 3  # That come to the first, which has two shards.
LOOKS_MAX = 300  # At the moves, for one to order something.
# One event in so many, of those that are tried.
WEIGHTS = {"split": 12, "merge": 16, "move": 40, "rollback": 25, "finish": 25, "cancel": 10,
           "pause": 4, "drain": 3, "add": 3, "kill": 4, "restart": 1}


class Site:
    """The server that clients are to talk to, while there is one."""

    def __init__(self):
        self._changed = threading.Condition()
        self._server = None
        self.ended = False

    def set(self, server, ended=False):
        with self._changed:
            self._server = server
            self.ended = ended
            self._changed.notify_all()

    def is_current(self, server):
        with self._changed:
            return self._server is server

    def wait(self):
        """Returns a server, or None at the end."""
        with self._changed:
            while self._server is None and not self.ended:
                self._changed.wait(weir_process.DEADLINE_SECONDS)
            return None if self.ended else self._server


class Client(threading.Thread):
    """Works until the end, with a new connection after each start of the server."""

    def __init__(self, site):
        super().__init__()
        self.site = site
        self.error = None
        self.commands = 0

    def run(self):
        try:
            while (server := self.site.wait()) is not None:
                try:
                    with server.client() as client:
                        self.settle(client)
                        while self.site.is_current(server):
                            self.work(client)
                except (OSError, EOFError):
                    if self.site.is_current(server):
                        raise
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def expect(self, reply, expected, what):
        self.commands += 1
        if reply != expected:
            raise AssertionError(f"{what}: {reply} in place of {expected}")

    def settle(self, client):
        """Finds out what became of what was under way when the server ended."""

    def work(self, client):
        raise NotImplementedError


class Owner(Client):
    """Writes, deletes and reads keys of its own."""

    def __init__(self, site, number):
        super().__init__(site)
        self.rng = random.Random(SEED + number)
        self.tag = b"%d" % number
        self.state = {}
        self.under_way = []  # Commands without a reply, with what each expects.

    def key(self):
        return b"k%b:%d" % (self.tag, self.rng.randrange(KEYS))

    def one(self, shown):
        """Returns a command, what it expects, and the changes that it makes to `shown`."""
        draw = self.rng.random()
        key = self.key()
        if draw < 0.3:
            value = b"%d" % self.rng.randrange(10**9)
            return ("SET", key, value), b"OK", {key: value}
        if draw < 0.45:
            return ("DEL", key), int(shown.get(key) is not None), {key: None}
        if draw < 0.55:
            pair = [b"{t%b:%d}%d" % (self.tag, self.rng.randrange(KEYS), i) for i in range(2)]
            value = b"%d" % self.rng.randrange(10**9)
            return (("MSET", pair[0], value, pair[1], value), b"OK",
                    {pair[0]: value, pair[1]: value})
        if draw < 0.7:
            key = b"c%b:%d" % (self.tag, self.rng.randrange(COUNTERS))
            value = int(shown.get(key) or 0) + 1
            return ("INCR", key), value, {key: b"%d" % value}
        if draw < 0.8:
            keys = [self.key() for _ in range(3)]
            return ("MGET", *keys), [shown.get(each) for each in keys], {}
        return ("GET", key), shown.get(key), {}

    def work(self, client):
        shown = collections.ChainMap({}, self.state)
        for _ in range(self.rng.choice((1, 1, 1, 8))):
            command, expected, changes = self.one(shown)
            shown.update(changes)
            self.under_way.append((command, expected, changes))
        client.send(b"".join(weir_process.encode(*command) for command, _, _ in self.under_way))
        while self.under_way:
            command, expected, changes = self.under_way[0]
            self.expect(client.read(), expected, command)
            self.keep(changes)
            self.under_way.pop(0)

    def keep(self, changes):
        for key, value in changes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    def settle(self, client):
        """Each key holds what it held, or what one of the commands under way made of it."""
        may_hold = collections.defaultdict(list)
        for _, _, changes in self.under_way:
            for key, value in changes.items():
                may_hold[key].append(value)
        for key, values in may_hold.items():
            found = client.command("GET", key)
            if found not in (*values, self.state.get(key)):
                raise AssertionError(f"{key}: {found}, and neither {self.state.get(key)} nor one "
                                     f"of {values}")
            self.keep({key: found})
        self.under_way = []  # Not before: the server may have ended again meanwhile.


class Watcher(Client):
    """Reads counters of the owners, which may only rise above what was acknowledged."""

    def __init__(self, site, owners):
        super().__init__(site)
        self.rng = random.Random(SEED - 1)
        self.owners = owners

    def work(self, client):
        owner = self.rng.choice(self.owners)
        key = b"c%b:%d" % (owner.tag, self.rng.randrange(COUNTERS))
        known = int(owner.state.get(key) or 0)
        found = client.command("GET", key)
        self.commands += 1
        if isinstance(found, weir_process.ErrorReply) or int(found or 0) < known:
            raise AssertionError(f"{key}: {found} after {known}")


class Events(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.scratch = os.path.realpath(scratch.name)
        self.directory = os.path.join(self.scratch, "weir")
        self.rng = random.Random(SEED)
        self.took_effect = collections.Counter()
        self.site = Site()
        self.server = None
        self.admin = None

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--shards", "2",
                                        *weir_process.PATIENT)
        self.addCleanup(self.server.kill)
        self.admin = self.server.client()
        self.addCleanup(self.admin.close)
        self.site.set(self.server)

    def test_clients_notice_nothing_of_events_at_random(self):
        self.start()
        owners = [Owner(self.site, number) for number in range(CLIENTS)]
        clients = [*owners, Watcher(self.site, owners)]
        for client in clients:
            client.start()
        try:
            self.happen(clients)
            weir_process.wait_until(self.finish_all, "all moves have ended")
        finally:
            self.site.set(None, ended=True)
            for client in clients:
                client.join()
        print(dict(self.took_effect), sum(client.commands for client in clients), "commands")
        self.assertEqual([client.error for client in clients], [None] * len(clients))
        self.check({key: value for owner in owners for key, value in owner.state.items()})
        self.assertEqual(self.server.stop(), 0)
        done = subprocess.run([WEIR, "verify", "--data", os.path.join(self.directory, "data")],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def happen(self, clients):
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while self.took_effect.total() < EVENTS or not all(map(self.took_effect.get, names)):
            self.assertEqual([client.error for client in clients], [None] * len(clients))
            name = self.rng.choices(names, weights)[0]
            self.took_effect[name] += bool(getattr(self, name)())

    # Each returns whether it took effect.

    def ask(self, *words):
        return not isinstance(self.admin.command("WEIR.SHARD", *words), weir_process.ErrorReply)

    def ranges(self):
        return self.admin.command("WEIR.SHARD", "LIST")[2]

    def shards(self):
        return len(self.admin.command("WEIR.SHARD", "LIST")[1])

    def statuses(self):
        return self.admin.command("WEIR.SHARD", "STATUS")

    def moves(self, *phases):
        return [one[0] for one in self.statuses() if one[5] in phases]

    def split(self):
        return self.ask("SPLIT", self.rng.choice(self.ranges())[0])

    def merge(self):
        return self.ask("MERGE", self.rng.choice(self.ranges())[0])

    def elsewhere(self, shard):
        """The shards that are not in the directory of this one."""
        return [other for other in range(self.shards())
                if other != shard and max(other, shard) >= 2]

    def move(self):
        moving = {one[1] for one in self.statuses() if one[5] != b"ended"}
        resting = [one for one in self.ranges() if one[0] not in moving]
        if not resting:
            return False
        begin, _, shard = self.rng.choice(resting)[:3]
        others = self.elsewhere(shard)
        return bool(others) and self.ask("MOVE", begin, self.rng.choice(others))

    def order(self, order, *phases):
        """To a move that is in one of the phases, once it is; to none, if none is about to be."""
        for _ in range(LOOKS_MAX):
            moves = self.moves(*phases)
            if moves or not self.moves(b"copy", b"return"):
                break
        return bool(moves) and self.ask(order, self.rng.choice(moves))

    def rollback(self):
        return self.order("ROLLBACK", b"follow")

    def finish(self):
        return self.order("FINISH", b"follow")

    def cancel(self):
        return self.order("CANCEL", b"copy", b"return")

    def pause(self):
        moves = self.moves(b"copy", b"return")
        if not moves or not self.ask("PAUSE", moves[0]):
            return False
        # It is refused while another change of the ranges is under way.
        weir_process.wait_until(lambda: self.ask("RESUME", moves[0]) or
                                moves[0] not in self.moves(b"copy", b"return"),
                                "the move goes on")
        return True

    def drain(self):
        """Begins to move all that a shard holds."""
        shard = self.rng.randrange(self.shards())
        held = [one[0] for one in self.ranges() if one[2] == shard]
        others = self.elsewhere(shard)
        return bool(held) and bool(others) and all(
            [self.ask("MOVE", begin, self.rng.choice(others)) for begin in held])

    def add(self):
        if self.shards() >= 2 + DIRECTORIES:
            return False
        place = os.path.join(self.scratch, f"disk{self.shards()}")
        return self.admin.command("WEIR.SHARD", "ADD", place) == self.shards() - 1

    def kill(self):
        """As soon as something has been ordered, so that it often is under way."""
        self.rng.choice((self.move, self.move, self.rollback, self.finish, self.cancel))()
        self.site.set(None)
        self.server.kill()
        self.start()
        return True

    def restart(self):
        self.site.set(None)
        self.assertEqual(self.server.stop(), 0)
        self.start()
        return True

    def finish_all(self):
        """Tells all moves to end. Returns whether they have."""
        moves = self.moves(b"copy", b"follow", b"return", b"clean")
        for one in moves:
            self.ask("FINISH", one)
        return not moves

    def check(self, state):
        self.assertEqual(self.admin.command("DBSIZE"), len(state))
        for key, value in state.items():
            self.assertEqual(self.admin.command("GET", key), value)
        found = []
        cursor = b"0"
        while True:
            cursor, keys = self.admin.command("SCAN", cursor, "COUNT", 50)
            found += keys
            if cursor == b"0":
                break
        self.assertEqual(sorted(found), sorted(state))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
