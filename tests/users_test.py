#!/usr/bin/python3
"""Goal: where there are users, nobody else gets in, and guessing neither helps nor hurts.

Method: a real weir with users; clients of several libraries, redis-server with the same users for
the error texts, a guesser, a storm of passwords beside a client that reads, bytes before AUTH.

    users_test.py WEIR
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request

import client_scenarios_test
import weir_process
from clients import scenario

WEIR = ""
PASSWORD = "open sesame"
NOAUTH = b"NOAUTH Authentication required."
WRONGPASS = b"WRONGPASS invalid username-password pair or user is disabled."


def hash_line(password):
    done = subprocess.run([WEIR, "user", "hash"], input=password + "\n", capture_output=True,
                          text=True, timeout=60, check=True)
    return done.stdout


class WithUsers(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        line = hash_line(PASSWORD)
        self.config = "".join(
            f'[[user]]\nname = "{name}"\n{line}rights = {rights}\n{more}'
            for name, rights, more in (
                ("default", '["read", "write", "admin"]', ""),
                ("reader", '["read"]', ""),
                ("cart", '["read", "write"]', 'key_prefixes = ["cart:"]\n')))

    def start(self, *flags, config=""):
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "weir"), "--memory", "256MiB",
                                   *flags, config=config + self.config)
        self.addCleanup(server.kill)
        return server


class Login(WithUsers):
    def test_clients_log_in_by_auth_and_hello(self):
        server = self.start()
        for client in client_scenarios_test.clients():
            if client.name.split()[0] not in ("redis-cli", "redis-py", "ioredis", "node-redis"):
                continue
            for protocol in client.protocols:
                for user in ("", "default"):
                    with self.subTest(client=client.name, protocol=protocol, user=user):
                        self.play(client.command, server, protocol, user)

    def play(self, command, server, protocol, user):
        with scenario.Player([*command, str(server.port), str(protocol), "", user, PASSWORD],
                             lambda: None, sys.stderr) as player:
            for steps in scenario.load():
                if "restart" not in str(steps):
                    player.play(steps)
                    break
            self.assertEqual(player.finish(), 0)

    def test_the_error_texts_are_those_of_redis(self):
        weir, redis = self.start(), weir_process.Redis(os.path.join(self.directory, "redis"))
        self.addCleanup(redis.kill)
        with redis.client() as client:
            for name, rules in (("default", "~* &* +@all"),
                                ("reader", "~* +@read +@connection +@transaction"),
                                ("cart", "~cart:* +@read +@write +@connection")):
                self.assertEqual(client.command("ACL", "SETUSER", name, "on", ">" + PASSWORD,
                                                *rules.split()), b"OK")
        script = [("PING",), ("GET", "k"), ("GET",), ("NO-SUCH", "x"), ("HELLO",), ("HELLO", "3"),
                  ("HELLO", "9"), ("HELLO", "3", "SETNAME", "x"), ("HELLO", "2", "AUTH", "x"),
                  ("HELLO", "2", "AUTH", "cart", "no"), ("AUTH",), ("AUTH", "no"),
                  ("AUTH", "nobody", PASSWORD), ("AUTH", "a", "b", "c"), ("RESET",), ("PING",),
                  ("AUTH", "cart", PASSWORD), ("SET", "cart:1", "x"), ("SET", "k", "x"),
                  ("GET", "k"), ("MGET", "cart:1", "k"), ("MSET", "k", "1", "cart:1", "2"),
                  ("DEL", "cart:1", "k"), ("CONFIG", "GET", "save"), ("ACL", "LIST"),
                  ("AUTH", "no"), ("GET", "cart:1"), ("AUTH", "reader", PASSWORD), ("GET", "k"),
                  ("SET", "k", "v"), ("set", "k", "v"), ("Incr", "k"), ("FLUSHALL",),
                  ("MULTI",), ("SET", "k", "v"), ("EXEC",), ("AUTH", PASSWORD), ("ACL", "WHOAMI"),
                  ("SET", "k", "v"), ("RESET",), ("GET", "k")]
        with weir.client() as ours, redis.client() as theirs:
            for words in script:
                ours.command(*words)
                theirs.command(*words)
                self.assertEqual(ours.raw, theirs.raw, words)

    def test_what_follows_auth_in_one_burst_is_judged_by_it(self):
        big = b"x" * 100_000  # More than may be sent before.
        with self.start().client() as client:
            self.assertEqual(client.pipeline([("AUTH", PASSWORD), ("SET", "k", big), ("GET", "k"),
                                              ("RESET",), ("GET", "k")]),
                             [b"OK", b"OK", big, b"RESET", NOAUTH])

    def test_who_has_gone_away_holds_up_nobody(self):
        server = self.start("--auth-attempts", "1000/s")
        for number in range(200):
            with server.client() as client:
                client.send(weir_process.encode("AUTH", f"guess {number}"))
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))  # Ends with a reset.
        with server.client() as client:
            # At most until the resets have been seen, the queue is full.
            weir_process.wait_until(lambda: client.command("AUTH", PASSWORD) == b"OK",
                                    "the client is let in", seconds=10)


class Guessing(WithUsers):
    def test_a_guesser_is_throttled_and_one_who_is_known_is_not(self):
        server = self.start("--auth-attempts", "5/h")
        with server.client() as known, server.client() as guesser:
            self.assertEqual(known.command("AUTH", "cart", PASSWORD), b"OK")
            for number in range(5):
                self.assertEqual(guesser.command("AUTH", "cart", f"guess {number}"), WRONGPASS)
            for words in (("AUTH", "cart", "another"), ("AUTH", "nobody", "another"),
                          ("HELLO", "3", "AUTH", "cart", "another")):
                self.assertRegex(guesser.command(*words),
                                 rb"^THROTTLED retry_after_ms=\d+ policy=auth-attempts limit=5/1h")
            self.assertEqual(known.command("AUTH", "cart", PASSWORD), b"OK")
        with server.client() as again:
            self.assertEqual(again.command("AUTH", "cart", PASSWORD), b"OK")

    def test_a_storm_of_passwords_is_never_checked_on_the_threads_that_serve(self):
        server = self.start("--threads", "1", "--auth-attempts", "100000/s")
        reader = server.client()
        self.assertEqual(reader.command("AUTH", PASSWORD), b"OK")
        self.assertEqual(reader.command("SET", "k", "v"), b"OK")
        guessers = [server.client() for _ in range(30)]
        for number, guesser in enumerate(guessers):
            guesser.send(weir_process.encode("AUTH", f"guess {number}"))
        # While thirty checks wait or run, more reads than checks are answered: a loop that made
        # them could not answer one before the first was over.
        answered = [0]

        def read_on():
            while all(thread.is_alive() for thread in waiting):
                if reader.command("GET", "k") == b"v":
                    answered[0] += 1

        replies = []
        waiting = [threading.Thread(target=lambda: replies.extend(g.read() for g in guessers))]
        waiting[0].start()
        read_on()
        waiting[0].join()
        self.assertEqual(replies, [WRONGPASS] * len(guessers))
        self.assertGreater(answered[0], len(guessers))
        for client in [reader, *guessers]:
            client.close()


class BeforeAuth(WithUsers):
    def test_little_may_be_sent_before(self):
        server = self.start()
        for request in (b"*11\r\n", b"*2\r\n$16385\r\n", b"*2\r\n$3\r\nGET\r\n$1000000\r\n"):
            with server.client() as client:
                client.send(request)
                self.assertRegex(client.at_end(), rb"^-ERR Protocol error: unauthenticated ")

    def test_one_who_does_not_read_is_answered_no_more_than_a_little(self):
        server = self.start("--auth-timeout", "1h")
        with server.client() as client:
            before = server.resident_bytes()
            client.socket.settimeout(1)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += client.socket.send(b"*1\r\n$4\r\nPING\r\n" * 4096)
            except TimeoutError:
                pass
            self.assertLess(sent, 64 << 20)
            self.assertLess(server.resident_bytes() - before, 8 << 20)

    def test_who_does_not_authenticate_is_disconnected(self):
        server = self.start("--auth-timeout", "1s")
        with server.client() as known, server.client() as silent, server.client() as chatty:
            self.assertEqual(known.command("AUTH", PASSWORD), b"OK")
            self.assertEqual(silent.at_end(), b"")
            try:
                while True:
                    self.assertEqual(chatty.command("PING"), NOAUTH)
            except (EOFError, ConnectionError):
                pass
            self.assertEqual(known.command("PING"), b"PONG")


class Admin(WithUsers):
    def ask(self, server, path, token=None):
        request = urllib.request.Request(f"http://127.0.0.1:{server.admin_port}{path}")
        if token is not None:
            request.add_header("Authorization", token)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            self.assertTrue(answer.code != 401 or answer.headers["WWW-Authenticate"] == "Bearer")
            return answer.code

    def test_metrics_need_the_token_and_probes_do_not(self):
        token = "0123456789abcdef"
        with open(os.path.join(self.directory, "token"), "w", encoding="ascii") as file:
            file.write(token + "\n")
        server = self.start("--admin-token-file", os.path.join(self.directory, "token"))
        self.assertEqual(self.ask(server, "/readyz"), 200)
        for wrong in (None, "", "Bearer ", token, "Bearer " + token + "0", "Bearer " + token[:-1],
                      "Basic " + token):
            self.assertEqual(self.ask(server, "/metrics", wrong), 401, wrong)
        self.assertEqual(self.ask(server, "/metrics", "Bearer " + token), 200)
        self.assertEqual(self.ask(server, "/absent", "Bearer " + token), 404)

    def test_a_token_file_that_holds_none_is_an_error(self):
        for content in ("", "short\n", "with blanks in between\n", "x" * 2000):
            with open(os.path.join(self.directory, "token"), "w", encoding="ascii") as file:
                file.write(content)
            with self.assertRaisesRegex(RuntimeError, "holds no token"):
                self.start("--admin-token-file", os.path.join(self.directory, "token"))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
