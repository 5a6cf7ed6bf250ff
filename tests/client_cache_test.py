#!/usr/bin/python3
"""Goal: clients that keep what they read are told of every change, as redis-server 7.0 tells them.

Method: one script of two connections, of which one tracks keys in RESP3, goes to weir and to
redis-server, and what each is answered and told is compared. Then redis-cli, and node-redis with
its clientSideCache, use weir.

    client_cache_test.py WEIR
"""

import os
import subprocess
import sys
import unittest

import weir_process

WEIR = ""
FOLDER = os.path.dirname(os.path.abspath(__file__))

# What the tracking connection (r) and another one (w) say, a scenario a line. Each begins with both
# anew and no key there but k and user:1.
SCENARIOS = """
r:CLIENT TRACKING ON; r:GET k; w:SET k 2; w:SET k 3; r:GET k; w:DEL k; w:SET k 4
r:CLIENT TRACKING ON; r:GET none; w:SET none 1; r:MGET k none; w:INCR none; w:APPEND k x
r:CLIENT TRACKING ON; r:STRLEN k; r:TTL user:1; w:SETRANGE k 1 x; w:EXPIRE user:1 100; w:GET k
r:CLIENT TRACKING ON; r:EXISTS k user:1; w:RENAME k other; w:COPY other user:1 REPLACE
r:CLIENT TRACKING ON; r:GET k; r:SET k 5; r:GET k; r:INCR k
r:CLIENT TRACKING ON NOLOOP; r:GET k; r:SET k 5; r:GET k; w:SET k 6; w:SET k 7
r:CLIENT TRACKING ON; r:GET k; w:FLUSHALL; r:GET k; w:SET k 8
r:CLIENT TRACKING ON; r:GET k; w:MULTI; w:SET k 1; w:SET k 2; w:EXEC
r:CLIENT TRACKING ON; r:MULTI; r:GET k; r:EXEC; w:SET k 1
r:CLIENT TRACKING ON; r:WATCH k; w:SET k 1; r:UNWATCH; r:GETDEL k; w:SET k 1; r:GETEX k; w:SET k 2
r:CLIENT TRACKING ON OPTIN; r:GET k; w:SET k 1; r:CLIENT CACHING yes; r:GET k; r:GET user:1; \
w:SET k 2; w:SET user:1 2; r:CLIENT CACHING yes; r:CLIENT TRACKINGINFO; r:CLIENT CACHING no
r:CLIENT TRACKING ON OPTIN; r:CLIENT CACHING yes; r:MULTI; r:GET k; r:EXEC; r:GET user:1; \
w:SET k 1; w:SET user:1 1
r:CLIENT TRACKING ON OPTOUT; r:CLIENT CACHING no; r:GET k; r:GET user:1; w:SET k 1; w:SET user:1 1
r:CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:; w:SET user:1 1; w:SET item:1 1; w:SET k 1; \
r:SET user:1 1; w:DEL user:1; r:CLIENT TRACKINGINFO
r:CLIENT TRACKING ON BCAST; w:SET k 1; w:MSET a 1 b 2; w:FLUSHALL
r:CLIENT TRACKING ON BCAST NOLOOP; r:SET k 1; w:SET k 2; r:MSET k 1 c 2
r:CLIENT TRACKING ON; r:GET k; r:CLIENT TRACKING off; w:SET k 1; r:CLIENT TRACKING ON BCAST; \
w:SET user:1 1
r:CLIENT TRACKING ON; r:CLIENT REPLY off; r:GET k; r:CLIENT REPLY on; w:SET k 1
r:CLIENT TRACKING ON; r:GET k; w:SET k 1 NX; w:SETNX k 1; w:SET k 1 XX
r:CLIENT TRACKING ON; r:GET k; r:RESET; w:SET k 1; r:HELLO 3; r:CLIENT GETREDIR
r:CLIENT TRACKING ON; r:GET k; r:HELLO 2; w:SET k 1; r:HELLO 3; r:GET k; w:SET k 2
w:CLIENT TRACKING ON; w:GET k; r:SET k 1
""".replace("\\\n", "").strip().splitlines()

# The same on one connection in RESP2; the replies alone.
WRONG = """
on PREFIX a; on BCAST OPTIN; on OPTIN OPTOUT; on REDIRECT 999999; on REDIRECT x; on REDIRECT; on FOO
on OPTIN; on OPTOUT; on BCAST; on NOLOOP; off FOO; foo; off; on OPTOUT; on OPTIN
on BCAST PREFIX a PREFIX ab; on BCAST PREFIX a; on BCAST PREFIX ab; on BCAST; on BCAST PREFIX b; on
""".strip().splitlines()


class Tracked:
    """A connection in RESP3 whose pushes are told from its replies."""

    def __init__(self, server):
        self.client = server.client()
        self.told = []

    def command(self, words):
        self.client.send(weir_process.encode(*words))
        return self.read()

    def read(self):
        while True:
            value = self.client.read()
            if not isinstance(value, weir_process.Push):
                return value
            self.told.append(value)

    def take(self):
        """Returns what it has been told by now."""
        self.command(["ECHO", "over"])
        told, self.told = self.told, []
        # Redis tells of the keys of one command in the order of their names.
        return sorted([kind, keys if keys is None else sorted(keys)] for kind, keys in told)


class WithServers(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def start_weir(self, *flags):
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "weir"), *flags)
        self.addCleanup(server.kill)
        return server


class AsRedis(WithServers):
    def play(self, server, scenario):
        """Returns for each step what was answered, and what the first connection was told."""
        with server.client() as other:
            other.command("FLUSHALL")
            other.command("MSET", "k", "1", "user:1", "1")
            tracked = Tracked(server)
            tracked.command(["HELLO", "3"])
            said = []
            for step in scenario.split("; "):
                who, words = step[0], step[2:].split()
                silent = words[:2] in (["CLIENT", "REPLY"], ["GET", "k"]) and "REPLY" in scenario
                if who == "w":
                    reply = other.command(*words)
                elif silent and words != ["CLIENT", "REPLY", "on"]:
                    tracked.client.send(weir_process.encode(*words))
                    continue
                else:
                    reply = tracked.command(words)
                said.append((step, None if "HELLO" in words else reply, tracked.take()))
            tracked.client.close()
        return said

    def test_what_is_told_is_what_redis_tells(self):
        # On one thread what was told before the writer was answered is sent before it is.
        weir = self.start_weir("--threads", "1")
        redis = weir_process.Redis(os.path.join(self.directory, "redis"))
        self.addCleanup(redis.kill)
        for scenario in SCENARIOS:
            with self.subTest(scenario):
                self.assertEqual(self.play(weir, scenario), self.play(redis, scenario))

    def test_what_is_wrong_is_refused_as_by_redis(self):
        weir = self.start_weir()
        redis = weir_process.Redis(os.path.join(self.directory, "redis"))
        self.addCleanup(redis.kill)
        for line in WRONG:
            replies = []
            for server in (weir, redis):
                with server.client() as client:
                    replies.append([
                        (words, client.command("CLIENT", "TRACKING", *words.split()),
                         client.command("CLIENT", "TRACKINGINFO"),
                         client.command("CLIENT", "CACHING", "yes"),
                         client.command("CLIENT", "CACHING", "no")) for words in line.split("; ")])
            self.assertEqual(replies[0], replies[1])

    def test_counts_and_flags_are_shown(self):
        server = self.start_weir()
        tracked = Tracked(server)
        tracked.command(["HELLO", "3"])
        tracked.command(["CLIENT", "TRACKING", "ON"])
        tracked.command(["MGET", "a", "b"])
        with server.client() as other:
            info = other.command("INFO", "all").decode()
            for line in ("tracking_clients:1", "tracking_total_keys:2", "tracking_total_items:2",
                         "tracking_total_prefixes:0"):
                self.assertIn(line + "\r\n", info)
            shown = other.command("CLIENT", "LIST").decode()
            self.assertIn(" flags=t ", shown)
            self.assertIn(" redir=0 ", shown)
            self.assertIn(" redir=-1 ", shown)
        metrics = server.metrics()
        self.assertEqual(metrics["weir_tracking_clients"], 1)
        self.assertEqual(metrics["weir_tracking_keys"], 2)
        tracked.client.close()

    def test_a_key_beyond_the_limit_is_given_up_and_told_of(self):
        server = self.start_weir("--max-tracked-keys", "1")
        tracked = Tracked(server)
        tracked.command(["HELLO", "3"])
        tracked.command(["CLIENT", "TRACKING", "ON"])
        tracked.command(["GET", "a"])
        tracked.command(["GET", "b"])
        weir_process.wait_until(lambda: tracked.take() == [[b"invalidate", [b"a"]]], "it is told")
        with server.client() as other:
            self.assertEqual(other.command("CONFIG", "GET", "tracking-table-max-keys"),
                             [b"tracking-table-max-keys", b"1"])
        tracked.client.close()


class Programs(WithServers):
    def test_redis_cli_shows_what_it_is_told(self):
        server = self.start_weir()
        done = subprocess.run(
            ["redis-cli", "-3", "-p", str(server.port), "--show-pushes", "yes"],
            input="SET k 1\nCLIENT TRACKING ON\nGET k\nSET k 2\nPING\n", capture_output=True,
            text=True, timeout=60, check=True)
        self.assertEqual(done.stdout.split(), "OK OK 1 invalidate k OK PONG".split())

    def test_node_redis_never_keeps_what_was_overwritten(self):
        server = self.start_weir("--threads", "2", "--memory", "256MiB")
        done = subprocess.run(["node", "client_cache.js", str(server.port)], capture_output=True,
                              text=True, timeout=120, check=False, cwd=FOLDER)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main(verbosity=2)
