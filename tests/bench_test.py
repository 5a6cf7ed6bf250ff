#!/usr/bin/python3
"""Goal: `weir bench` sends what it is told to and counts what came back, against any Redis.

Method: loads whose outcome the server can be asked for; a server of the test's own that answers
when the test lets it.

    bench_test.py WEIR
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

import weir_process

WEIR = ""


def bench(port, *flags, code=0):
    """Returns the JSON object that a load prints."""
    done = subprocess.run([WEIR, "bench", "--server", f"127.0.0.1:{port}", "--json", *flags],
                          capture_output=True, text=True, check=False,
                          timeout=weir_process.DEADLINE_SECONDS)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}, not {code}:\n{done.stderr}")
    return json.loads(done.stdout) if done.stdout else done.stderr


class StandingServer(threading.Thread):
    """Accepts one connection, answers `warm` requests at once and the rest after `seconds`."""

    def __init__(self, warm, seconds):
        super().__init__()
        self.warm, self.seconds = warm, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        connection, _ = self.listener.accept()
        begun = time.monotonic()
        ping = weir_process.encode("PING")
        answered = received = 0
        with connection:
            while data := connection.recv(1 << 16):
                received += len(data)
                whole = received // len(ping)
                if whole > self.warm:
                    weir_process.wait_until(
                        lambda: time.monotonic() > begun + self.seconds, "the pause ends")
                connection.sendall(b"+PONG\r\n" * (whole - answered))
                answered = whole
        self.listener.close()


class Bench(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def weir(self, **options):
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "weir"), "--store", "memory",
                                   **options)
        self.addCleanup(server.kill)
        return server

    def test_every_request_is_sent_once_and_counted_once(self):
        redis = weir_process.Redis(os.path.join(self.directory, "redis"))
        self.addCleanup(redis.kill)
        for server in self.weir(), redis:
            found = bench(server.port, "--mix", "incr", "--keys", "1", "--requests", "5001",
                          "--pipeline", "16", "--connections", "7", "--threads", "2")
            self.assertEqual(found["answered"], 5001)
            self.assertEqual(found["latency_us"]["max"] > 0, True)
            for loss in "refused", "unsent", "unanswered", "connections_lost":
                self.assertEqual(found[loss], 0)
            with server.client() as client:
                self.assertEqual(client.command("GET", "key:000000000000"), b"5001")

    def test_an_open_loop_sends_at_its_rate(self):
        server = self.weir()
        for arrivals in "even", "poisson":
            found = bench(server.port, "--rate", "2000", "--seconds", "1", "--arrivals", arrivals,
                          "--mix", "set:1,get:3")
            due = found["answered"] + found["unsent"]
            self.assertAlmostEqual(due, 2000, delta=0 if arrivals == "even" else 300)
            self.assertEqual([command["command"] for command in found["commands"]], ["SET", "GET"])
            self.assertEqual(sum(command["answered"] for command in found["commands"]),
                             found["answered"])
            self.assertEqual(found["loop"], "open")

    def test_latency_counts_from_when_a_request_was_due(self):
        """A server that stands still for a second: a closed loop sees one slow request."""
        standing = StandingServer(warm=10, seconds=1.2)
        standing.start()
        found = bench(standing.port, "--mix", "ping", "--connections", "1", "--pipeline", "4000",
                      "--rate", "1000", "--seconds", "1", "--deadline-ms", "400")
        standing.join()
        # A load that is held up at its end does not send what is due then.
        self.assertEqual(found["answered"] + found["unsent"], 1000)
        # Those due in the first 0.8 s, the warm ones aside, waited for at least 0.4 s.
        self.assertGreaterEqual(found["late"], 750)
        self.assertGreater(found["latency_us"]["p50"], 400_000)

    def test_what_never_found_room_is_counted(self):
        standing = StandingServer(warm=0, seconds=1.2)
        standing.start()
        found = bench(standing.port, "--mix", "ping", "--connections", "1", "--pipeline", "10",
                      "--rate", "1000", "--seconds", "1")
        standing.join()
        self.assertEqual(found["answered"], 10)
        self.assertEqual(found["unsent"], 990)

    def test_fill_stores_every_key_and_errors_are_counted_by_their_code(self):
        server = self.weir()
        found = bench(server.port, "--fill", "--keys", "3000", "--value-bytes", "17", "--threads",
                      "3", "--mix", "incr", "--requests", "500", "--distribution", "zipf")
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), 3000)
            self.assertEqual(client.command("STRLEN", "key:000000002999"), 17)
        self.assertEqual(found["answered"], 0)
        self.assertEqual(found["refused"], 500)
        self.assertEqual(found["errors"], {"ERR": 500})

    def test_a_password_is_given(self):
        password = os.path.join(self.directory, "password")
        with open(password, "w", encoding="ascii") as file:
            file.write("secret\n")
        line = subprocess.run([WEIR, "user", "hash"], input="secret\nsecret\n", text=True,
                              capture_output=True, check=True).stdout
        server = self.weir(config=f'[[user]]\nname = "load"\n{line}rights = ["read", "write"]\n')
        flags = ("--requests", "10", "--connections", "2")
        found = bench(server.port, *flags, "--user", "load", "--password-file", password)
        self.assertEqual(found["answered"], 10)
        self.assertEqual(bench(server.port, *flags)["errors"], {"NOAUTH": 10})
        self.assertIn("WRONGPASS", bench(server.port, *flags, "--user", "other", "--password-file",
                                         password, code=1))

    def test_what_cannot_be_done_is_said(self):
        self.assertIn("write a whole command", bench(1, "--mix", "gett", code=2))
        self.assertIn("needs --password-file", bench(1, "--user", "x", code=2))
        self.assertIn("--pipeline", bench(1, "--pipeline", "0", code=2))
        self.assertIn("cannot connect to 127.0.0.1:1", bench(1, code=1))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
