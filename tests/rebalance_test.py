#!/usr/bin/python3
"""Goal: directories are evened out, by bytes or by load, and a shard is emptied while clients
notice nothing, as a plan says that can be read before.

Method: the real binary with four shards in three directories, and all data in one of them, or all
hot keys. A client writes and reads while `weir shard rebalance` and `drain` run; then everything
must be there, and lie where it should, and `weir verify` must find no fault.

    rebalance_test.py WEIR
"""

import json
import os
import subprocess
import sys
import threading
import unittest

import weir_process

WEIR = ""
KEYS = 6000
COUNTED = 20  # Tags of two keys each, besides.
HOT = 9  # Keys that have most of the load.
# A terminal's control sequence, a control character, a change of direction, and no text at all.
NASTY = (b"\xc2\x9b31m", b"a\x7f", b"\xe2\x80\xaeb", b"\xff")
CONFIG = """
[[shard]]
name = "first"
data = "{0}/a"
[[shard]]
name = "second"
data = "{0}/b"
[[shard]]
name = "third"
data = "{0}/b"
[[shard]]
name = "fourth"
data = "{0}/c"
"""


class Rebalance(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.config = CONFIG.format(scratch.name)

    def start(self, config):
        server = weir_process.Weir(WEIR, self.directory, config=config)
        self.addCleanup(server.kill)
        return server

    def shard(self, server, *words):
        return subprocess.run([WEIR, "shard", "--server", f"127.0.0.1:{server.port}", *words],
                              capture_output=True, text=True,
                              timeout=2 * weir_process.DEADLINE_SECONDS, check=False)

    def done(self, server, *words):
        done = self.shard(server, *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def listed(self, server):
        return json.loads(self.done(server, "list", "--count", "--json"))

    def load(self, server):
        """Fills the server, with all in the first shard."""
        with server.client() as client:
            for number in range(0, KEYS, 100):
                client.command("MSET", *[word for one in range(number, number + 100)
                                         for word in (f"key:{one}", f"value of {one}")])
        for one in self.listed(server)["ranges"]:
            if one["shard"] != 0:
                move = json.loads(self.done(server, "move", one["from"], "0", "--json"))["move"]
                self.done(server, "finish", str(move))

    def directories(self, server):
        """Returns the share of all bytes that each directory holds."""
        listed = self.listed(server)
        total = sum(shard["bytes"] for shard in listed["shards"])
        shares = {}
        for shard in listed["shards"]:
            name = os.path.basename(shard["place"])
            shares[name] = shares.get(name, 0) + shard["bytes"] / total
        return shares

    def test_clients_notice_nothing_of_rebalance_and_drain(self):
        server = self.start(self.config)
        self.load(server)
        self.assertEqual(self.directories(server), {"a": 1, "b": 0, "c": 0})
        before = self.listed(server)

        plan = self.done(server, "rebalance", "--dry-run")
        self.assertRegex(plan, r"shard 0 \(\S+/a\) -> [123] \(\S+/[bc]\)  about ")
        self.assertIn("; the fullest directory holds 3.00 times the mean, then 1.00\n", plan)
        as_json = json.loads(self.done(server, "rebalance", "--dry-run", "--json"))
        self.assertAlmostEqual(as_json["bytes"] / before["shards"][0]["bytes"], 2 / 3, delta=0.01)
        self.assertEqual(len(as_json["moves"]), plan.count(" -> "))
        self.assertEqual(without_load(self.listed(server)), without_load(before))

        with Clients(server) as clients:
            done = self.done(server, "rebalance")
            # The clients' keys have come since, so that it is not quite the plan from before.
            self.assertRegex(done, r"-> [123] \(\S+/[bc]\)  about ")
            self.assertRegex(done, r"\n(\d+) of \1 is done\n$")
        self.assertIsNone(clients.error)
        self.assertGreater(clients.rounds, COUNTED)
        for name, share in self.directories(server).items():
            self.assertAlmostEqual(share, 1 / 3, delta=0.05, msg=name)
        self.assertEqual(self.done(server, "rebalance"), "nothing to move\n")

        with Clients(server) as clients:
            drained = json.loads(self.done(server, "drain", "3", "--json"))
            self.assertGreater(len(drained["moves"]), 0)
        self.assertIsNone(clients.error)
        self.assertGreater(clients.rounds, COUNTED)
        self.assertNotIn(3, [one["shard"] for one in self.listed(server)["ranges"]])
        shares = self.directories(server)
        self.assertEqual(shares["c"], 0)
        self.assertAlmostEqual(shares["a"], 1 / 2, delta=0.05)
        self.check_all(server)
        self.assertEqual(server.stop(), 0)
        self.verify()

    def test_clients_notice_nothing_while_load_is_evened_out(self):
        server = self.start(self.config)
        hot = self.keys_in_first_directory(server)
        # Of one tag, cut by a person.
        self.done(server, "split", "0", "AT", "1000000")
        with HotKeys(server, hot) as clients:
            def looks_uneven():
                plan = self.planned(server)
                return plan["peak_to_mean_before"] > 2 and plan["moves"] and plan
            plan = weir_process.wait_until(looks_uneven, "the load shows where it is")
            self.assertEqual(plan["uncut"], [])
            self.assertLessEqual(plan["peak_to_mean_after"], 1.15)

            done = self.done(server, "rebalance", "--by", "load")
            self.assertRegex(done, r'shard 0 \(\S+/a\) -> [123] \(\S+/[bc]\)  "hot:\d+", '
                                   r"\d+ requests a second\n")
            self.assertRegex(done, r"; the busiest directory has \d\.\d\d times the mean, then 1\.")
            weir_process.wait_until(
                lambda: self.planned(server)["peak_to_mean_before"] <= 1.15, "the load is even")
        self.assertIsNone(clients.error)
        with server.client() as client:
            for key, count in clients.counts.items():
                self.assertEqual(client.command("GET", key), str(count).encode())
        # What was cut out for a key is a range by itself only where it went.
        listed = self.listed(server)
        self.assertLessEqual(len(listed["ranges"]), 5 + 2 * (HOT + 1))
        self.assertIn("0000000001000000", [one["from"] for one in listed["ranges"]])
        self.assertEqual(server.stop(), 0)
        self.verify()

    def test_names_of_keys_tell_a_terminal_nothing(self):
        server = self.start(self.config)
        with server.client() as client:
            client.pipeline([("SET", name, "0") for name in NASTY for _ in range(8)])
        for words in (("list", "--hottest", "9"), ("list", "--json", "--hottest", "9")):
            listed = self.done(server, *words)
            self.assertTrue(all(" " <= one <= "~" or one == "\n" for one in listed), listed)
            for name in ('"\\u009b31m"', '"a\\u007f"', '"\\u202eb"', '"\\ufffd"'):
                self.assertIn(name, listed)

    def test_of_too_little_load_nothing_is_concluded(self):
        server = self.start(self.config)
        with server.client() as client:
            client.pipeline([("SET", "hot", "0")] * 500)
        plan = self.done(server, "rebalance", "--by", "load")
        self.assertRegex(plan, r"^too little load to tell: \d+ requests to the databases were seen "
                               r"in the last seconds, and it takes 1000\nnothing to move\n$")

    def test_a_key_too_hot_to_split_is_named(self):
        server = self.start(self.config)
        hot = self.keys_in_first_directory(server)[:1]
        with HotKeys(server, hot) as clients:
            weir_process.wait_until(lambda: self.planned(server)["uncut"], "the key is found")
            plan = self.done(server, "rebalance", "--by", "load", "--dry-run")
            self.assertRegex(plan, rf'"{hot[0]}" has \d+ requests a second alone, which is more '
                                   "than a directory's share and cannot be split\n")
            listed = self.shard(server, "list").stdout
            self.assertRegex(listed, rf'\n  "{hot[0]}"  0 reads, \d+ writes a second\n')
        self.assertIsNone(clients.error)

    def planned(self, server):
        return json.loads(self.done(server, "rebalance", "--by", "load", "--dry-run", "--json"))

    def keys_in_first_directory(self, server):
        """Returns names of keys that the first shard holds."""
        names = [f"hot:{number}" for number in range(20 * HOT)]
        with server.client() as client:
            client.pipeline([("SET", name, "0") for name in names for _ in range(8)])
        listed = json.loads(self.done(server, "list", "--json", "--hottest", "1024"))
        first = [tag["key"] for one in listed["ranges"] if one["shard"] == 0
                 for tag in one["hottest"]]
        self.assertGreaterEqual(len(first), HOT)
        return first[:HOT]

    def test_what_cannot_be_done_is_said(self):
        server = self.start(self.config)
        for words, code, text in ((("drain", "9"), 1, "there is no shard 9"),
                                  (("drain", "x"), 2, "'x' is no number of a shard"),
                                  (("drain",), 2, "SHARD is required"),
                                  (("rebalance", "--by", "keys"), 2, "--by: keys not in")):
            done = self.shard(server, *words)
            self.assertEqual((done.returncode, done.stdout), (code, ""))
            self.assertIn(text, done.stderr)
        self.done(server, "move", "0", "3")  # It can still go back, so it has not ended.
        done = self.shard(server, "rebalance")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("move 1, 0000000000000000 in shard 3, copy in 0: follow", done.stderr)
        self.assertIn("`weir shard finish` or `cancel`", done.stderr)

    def test_in_one_directory_nothing_moves(self):
        server = self.start("")
        self.assertEqual(self.done(server, "rebalance"), "nothing to move\n")
        done = self.shard(server, "drain", "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("all shards are in one directory", done.stderr)

    def check_all(self, server):
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), KEYS + 2 * COUNTED)
            for number in range(KEYS):
                self.assertEqual(client.command("GET", f"key:{number}"),
                                 f"value of {number}".encode())

    def verify(self):
        path = f"{self.directory}/verify.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.config)
        done = subprocess.run([WEIR, "verify", "--config", path], capture_output=True, text=True,
                              timeout=weir_process.DEADLINE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Work(threading.Thread):
    """Does a round after the other by a connection while its block runs."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.over = threading.Event()
        self.error = None
        self.rounds = 0

    def round(self, client, rounds):
        raise NotImplementedError

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        try:
            with self.server.client() as client:
                while not self.over.is_set():
                    self.round(client, self.rounds)
                    self.rounds += 1
        except Exception as error:  # A thread has nobody to raise it to.
            self.error = error


class Clients(Work):
    """Counts every key up and reads it, one after the other."""

    def round(self, client, rounds):
        """Writes two keys of one tag at once, and reads back what they were and are."""
        key = f"{{tag:{rounds % COUNTED}}}"
        past, now = (f"round {number}".encode() for number in (rounds - COUNTED, rounds))
        if rounds >= COUNTED:
            expect([past, past], client.command("MGET", key + "a", key + "b"))
        expect(b"OK", client.command("MSET", key + "a", now, key + "b", now))
        expect(now, client.command("GET", key + "b"))


class HotKeys(Work):
    """Counts the hot keys up, all alike, and now and then one of many others."""

    def __init__(self, server, hot):
        super().__init__(server)
        self.hot = hot
        self.counts = {key: 0 for key in hot}

    def round(self, client, rounds):
        keys = self.hot * (2 * HOT // len(self.hot)) + [f"other:{rounds % 500}"]
        replies = client.pipeline([("INCR", key) for key in keys])
        for key, reply in zip(keys, replies):
            self.counts[key] = self.counts.get(key, 0) + 1
            expect(self.counts[key], reply)


def without_load(listed):
    """What `list` says, but for what changes by itself."""
    load = ("reads", "writes", "hottest")
    return {kind: [{name: value for name, value in one.items() if name not in load}
                   for one in listed[kind]] for kind in ("shards", "ranges")}


def expect(wanted, reply):
    """Raises unless that is the reply."""
    if reply != wanted:
        raise AssertionError(f"{wanted!r} was to be answered, and {reply!r} was")


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
