#!/usr/bin/python3
"""Goal: a running server can be seen and steered: its clients, slow commands, latency, memory.

Method: a real weir on two threads; clients on both of its loops; redis-cli where people use it.

    operations_test.py WEIR
"""

import os
import re
import signal
import subprocess
import sys
import threading
import unittest

import weir_process
from weir_process import wait_until

WEIR = ""


class WithServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def start(self, *flags, **options):
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "weir"), "--threads", "2",
                                   "--memory", "256MiB", *flags, **options)
        self.addCleanup(server.kill)
        return server

    def client(self, server):
        client = server.client()
        self.addCleanup(client.close)
        return client

    def clients(self, server, count):
        """On both loops: the emptiest takes the next."""
        return [self.client(server) for _ in range(count)]


def field(line, name):
    return re.search(rf"\b{name}=(\S*)", line)[1]


class Clients(WithServer):
    def test_the_list_shows_the_clients_of_all_loops_once_in_order(self):
        server = self.start()
        clients = self.clients(server, 7)
        for number, client in enumerate(clients):
            client.command("CLIENT", "SETNAME", f"c{number}")
        lines = clients[3].command("CLIENT", "LIST").decode().splitlines()
        self.assertEqual([field(line, "name") for line in lines], [f"c{n}" for n in range(7)])
        ids = [int(field(line, "id")) for line in lines]
        self.assertEqual(ids, sorted(ids))
        mine = lines[3]
        self.assertEqual(field(mine, "addr"),
                         "{}:{}".format(*clients[3].socket.getsockname()))
        self.assertEqual(field(mine, "laddr"), f"127.0.0.1:{server.port}")
        self.assertEqual(field(mine, "cmd"), "client|list")
        self.assertEqual(clients[3].command("CLIENT", "INFO").decode().splitlines()[0]
                         .split(" fd=")[0], mine.split(" fd=")[0])
        chosen = clients[0].command("CLIENT", "LIST", "ID", ids[5], ids[1], 999999).decode()
        self.assertEqual([field(line, "name") for line in chosen.splitlines()], ["c1", "c5"])

    def test_the_list_is_text_in_resp3(self):
        client = self.client(self.start())
        client.command("HELLO", "3")
        client.command("CLIENT", "LIST")
        self.assertRegex(client.raw, rb"^=\d+\r\ntxt:id=")

    def test_a_thousand_clients_are_listed_and_killed(self):
        weir_process.raise_descriptor_limit(4096)
        server = self.start()
        admin = self.client(server)
        others = self.clients(server, 1000)
        for client in others:
            client.command("PING")
        self.assertEqual(len(admin.command("CLIENT", "LIST").splitlines()), 1001)
        self.assertEqual(admin.command("CLIENT", "KILL", "TYPE", "normal"), 1000)
        for client in others:
            self.assertEqual(client.at_end(), b"")
        self.assertEqual(len(admin.command("CLIENT", "LIST").splitlines()), 1)
        self.assertEqual(server.metrics()["weir_connections_killed_total"], 1000)

    def test_kill_ends_a_client_that_waits_and_the_caller_after_its_reply(self):
        server = self.start()
        admin, other, third = self.clients(server, 3)
        admin.command("CLIENT", "PAUSE", "100000", "WRITE")
        other.send(weir_process.encode("SET", "k", "v"))
        address = "{}:{}".format(*other.socket.getsockname())
        self.assertEqual(admin.command("CLIENT", "KILL", address), b"OK")
        try:
            self.assertEqual(other.at_end(), b"")
        except ConnectionResetError:
            pass  # Its command was not read yet.
        self.assertEqual(admin.command("CLIENT", "UNPAUSE"), b"OK")
        self.assertIsNone(third.command("GET", "k"))
        third.send(weir_process.encode("CLIENT", "KILL", "ID", third.command("CLIENT", "ID"),
                                       "SKIPME", "no"))
        self.assertEqual(third.at_end(), b":1\r\n")

    def test_redis_cli_lists_and_kills(self):
        server = self.start()
        other = self.client(server)
        number = other.command("CLIENT", "ID")
        def redis_cli(*words):
            return subprocess.run(["redis-cli", "-p", str(server.port), *words], check=True,
                                  capture_output=True, text=True, timeout=60).stdout.strip()
        self.assertIn(f"id={number} addr=", redis_cli("client", "list"))
        self.assertEqual(redis_cli("client", "kill", "id", str(number)), "1")
        self.assertEqual(other.at_end(), b"")

    def test_replies_can_be_turned_off(self):
        client = self.client(self.start())
        client.send(b"".join(weir_process.encode(*words) for words in (
            ("CLIENT", "REPLY", "SKIP"), ("SET", "k", "v"), ("GET", "k"),
            ("CLIENT", "REPLY", "OFF"), ("INCR", "n"), ("GET", "k"), ("NO-SUCH",), ("MULTI",),
            ("INCR", "n"), ("EXEC",), ("CLIENT", "REPLY", "ON"), ("GET", "n"))))
        self.assertEqual([client.read() for _ in range(3)], [b"v", b"OK", b"2"])


class Pause(WithServer):
    def waiting(self, admin, count):
        wait_until(lambda: b"blocked_clients:%d\r\n" % count in admin.command("INFO", "clients"),
                   f"{count} clients wait")

    def test_writes_wait_for_the_end_of_a_pause_and_reads_do_not(self):
        server = self.start()
        admin, one, two = self.clients(server, 3)
        one.command("SET", "k", "before")
        self.assertEqual(admin.command("CLIENT", "PAUSE", "100000", "WRITE"), b"OK")
        for client in (one, two):
            client.send(weir_process.encode("SET", "k", "after")
                        + weir_process.encode("GET", "k"))
        self.waiting(admin, 2)
        self.assertEqual(server.metrics()["redis_blocked_clients"], 2)
        self.assertEqual(admin.command("GET", "k"), b"before")
        self.assertEqual(admin.command("CLIENT", "UNPAUSE"), b"OK")
        for client in (one, two):
            self.assertEqual([client.read(), client.read()], [b"OK", b"after"])
        self.waiting(admin, 0)

    def test_a_pause_of_all_ends_by_itself(self):
        server = self.start()
        admin, one = self.clients(server, 2)
        self.assertEqual(admin.command("CLIENT", "PAUSE", "300"), b"OK")
        self.assertEqual(one.pipeline([("GET", "k"), ("SET", "k", "v"), ("GET", "k")]),
                         [None, b"OK", b"v"])

    def test_a_pause_of_all_can_be_ended(self):
        server = self.start()
        admin, one = self.clients(server, 2)
        self.assertEqual(admin.command("CLIENT", "PAUSE", "1000000"), b"OK")
        one.send(weir_process.encode("GET", "k"))
        wait_until(lambda: server.metrics()["redis_blocked_clients"] == 1, "the client waits")
        self.assertEqual(admin.command("CLIENT", "UNPAUSE"), b"OK")
        self.assertIsNone(one.read())

    def test_what_waits_for_a_pause_is_answered_when_the_server_stops(self):
        server = self.start()
        admin, one = self.clients(server, 2)
        admin.command("CLIENT", "PAUSE", "1000000", "WRITE")
        one.send(weir_process.encode("SET", "k", "v"))
        self.waiting(admin, 1)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(one.at_end(), b"+OK\r\n")


class Monitor(WithServer):
    def test_shows_the_commands_of_all_loops(self):
        server = self.start()
        monitor, *others = self.clients(server, 4)
        self.assertEqual(monitor.command("MONITOR"), b"OK")
        for number, client in enumerate(others):
            client.command("SET", f"k{number}", "a\r\nb")
            line = monitor.read().decode()
            address = "{}:{}".format(*client.socket.getsockname())
            self.assertRegex(line, r"^\d{10}\.\d{6} \[0 " + address + r"\] ")
            self.assertTrue(line.endswith(f'] "SET" "k{number}" "a\\r\\nb"'), line)
        others[0].command("AUTH", "me", "secret")
        self.assertTrue(monitor.read().endswith(b'"AUTH" "(redacted)" "(redacted)"'))
        self.assertEqual(monitor.command("RESET"), b"RESET")
        others[0].command("PING")
        self.assertEqual(monitor.command("PING"), b"PONG")

    def test_one_that_does_not_read_is_disconnected_and_holds_up_nobody(self):
        server = self.start()
        monitor, writer = self.clients(server, 2)
        self.assertEqual(monitor.command("MONITOR"), b"OK")
        burst = [("ECHO", b"x" * 900)] * 500
        def dropped():
            writer.pipeline(burst)
            return b" cmd=monitor " not in writer.command("CLIENT", "LIST")
        wait_until(dropped, "the monitor is disconnected")
        self.assertGreaterEqual(server.metrics()["weir_connections_closed_slow_total"], 1)
        self.assertEqual(writer.command("PING"), b"PONG")

    def test_needs_the_right_admin(self):
        line = subprocess.run([WEIR, "user", "hash"], input="pw\n", capture_output=True, text=True,
                              timeout=60, check=True).stdout
        server = self.start(config=f'[[user]]\nname = "app"\n{line}'
                                   f'[[user]]\nname = "op"\n{line}rights = ["admin"]\n')
        app, op = self.clients(server, 2)
        app.command("AUTH", "app", "pw")
        op.command("AUTH", "op", "pw")
        for words in (("MONITOR",), ("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"),
                      ("CLIENT", "PAUSE", "1"), ("CLIENT", "UNPAUSE"), ("SLOWLOG", "GET"),
                      ("SLOWLOG", "RESET"), ("LATENCY", "LATEST"), ("LATENCY", "RESET"),
                      ("SHUTDOWN",), ("CLIENT", "NO-EVICT", "on"), ("MEMORY", "PURGE")):
            with self.subTest(words=words):
                self.assertRegex(app.command(*words), rb"^NOPERM ")
        for words in (("CLIENT", "INFO"), ("CLIENT", "REPLY", "ON"), ("CLIENT", "TRACKINGINFO"),
                      ("MEMORY", "STATS")):
            with self.subTest(words=words):
                self.assertNotIsInstance(app.command(*words), weir_process.ErrorReply)
        self.assertEqual(op.command("CLIENT", "KILL", "USER", "app"), 1)
        self.assertEqual(app.at_end(), b"")
        self.assertEqual(op.command("CLIENT", "KILL", "USER", "nobody"),
                         b"ERR No such user 'nobody'")


class Diagnosis(WithServer):
    def test_slow_commands_are_kept_up_to_the_length_and_counted(self):
        server = self.start("--slowlog-slower-than-us", "0", "--slowlog-length", "5")
        client = self.client(server)
        client.command("CLIENT", "SETNAME", "me")
        for number in range(9):
            client.command("SET", f"k{number}", "v")
        self.assertEqual(client.command("SLOWLOG", "LEN"), 5)
        self.assertEqual(server.metrics()["redis_slowlog_length"], 5)
        entries = client.command("SLOWLOG", "GET", "3")
        self.assertEqual([entry[3] for entry in entries],
                         [[b"SLOWLOG", b"LEN"], [b"SET", b"k8", b"v"], [b"SET", b"k7", b"v"]])
        number, when, took, _, peer, name = entries[1]
        self.assertEqual((peer.decode(), name),
                         ("{}:{}".format(*client.socket.getsockname()), b"me"))
        self.assertGreater(when, 1_600_000_000)
        self.assertGreater(took, 0)
        self.assertGreater(number, 5)
        self.assertEqual(client.command("SLOWLOG", "RESET"), b"OK")
        self.assertEqual(len(client.command("SLOWLOG", "GET")), 1)

    def test_latency_is_watched_from_a_threshold_on(self):
        server = self.start("--latency-threshold", "1ms")
        client = self.client(server)
        client.command("MSET", "a", "ab" * 3000, "b", "ba" * 3000)
        client.command("LCS", "a", "b", "LEN")  # Many milliseconds anywhere.
        event, when, latest, worst = client.command("LATENCY", "LATEST")[0]
        self.assertEqual(event, b"command")
        self.assertEqual(client.command("LATENCY", "HISTORY", "command")[-1], [when, latest])
        self.assertGreaterEqual(worst, latest)
        self.assertGreater(when, 1_600_000_000)
        client.command("HELLO", "3")
        histogram = client.command("LATENCY", "HISTOGRAM", "mset")[b"mset"]
        counts = list(histogram[b"histogram_usec"].values())
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(counts[-1], histogram[b"calls"])

    def test_memory_is_shown_against_its_budget(self):
        client = self.client(self.start())
        client.command("HELLO", "3")
        stats = client.command("MEMORY", "STATS")
        self.assertEqual(stats[b"weir.budget"], 256 << 20)
        self.assertEqual(sum(value for name, value in stats.items()
                             if name.startswith(b"weir.budget.")), 256 << 20)
        self.assertGreater(stats[b"total.allocated"], 0)
        self.assertIn(b"No part of the budget is short.", client.command("MEMORY", "DOCTOR"))
        self.assertEqual(client.command("MEMORY", "PURGE"), b"OK")

    def test_what_administers_takes_effect_in_its_turn_within_a_transaction(self):
        server = self.start()
        client, other = self.clients(server, 2)
        name = other.command("CLIENT", "ID")
        for _ in range(20):
            replies = client.pipeline([
                ("MULTI",), ("CONFIG", "SET", "slowlog-max-len", "7"),
                ("CONFIG", "GET", "slowlog-max-len"), ("CONFIG", "SET", "slowlog-max-len", "9"),
                ("CONFIG", "GET", "slowlog-max-len"), ("CONFIG", "SET", "no-such", "9"),
                ("CLIENT", "LIST", "ID", name), ("SLOWLOG", "GET", "0"), ("SET", "k", "v"),
                ("MEMORY", "PURGE"), ("KEYS", "*"), ("GET", "k"), ("EXEC",), ("ECHO", "next")])
            self.assertEqual(replies[:13], [b"OK"] + [b"QUEUED"] * 11 + [replies[12]])
            exec_replies = replies[12]
            self.assertEqual(exec_replies[:4], [b"OK", [b"slowlog-max-len", b"7"], b"OK",
                                                [b"slowlog-max-len", b"9"]])
            self.assertTrue(exec_replies[4].startswith(b"ERR Unknown option"))
            self.assertEqual(field(exec_replies[5].decode(), "id"), str(name))
            self.assertEqual(exec_replies[6:], [[], b"OK", b"OK", [b"k"], b"v"])
            self.assertEqual(replies[13], b"next")
        replies = client.pipeline([("MULTI",), ("CLIENT", "KILL", "ID", name),
                                   ("CLIENT", "LIST", "ID", name), ("EXEC",)])
        self.assertEqual(replies[3], [1, b""])
        self.assertEqual(other.at_end(), b"")

    def test_shutdown_stops_as_sigterm_does(self):
        server = self.start()
        client, other = self.clients(server, 2)
        client.command("SET", "k", "v")
        client.send(weir_process.encode("SHUTDOWN", "NOSAVE"))
        self.assertEqual(client.at_end(), b"")
        self.assertEqual(other.at_end(), b"")
        self.assertEqual(server.wait(), 0)

    def test_who_connects_while_the_server_drains_is_not_left_hanging(self):
        server = self.start("--drain-timeout", "60s")
        clients = self.clients(server, 20)
        ended = []
        def connect():
            try:
                while True:
                    with server.client(timeout=30) as client:
                        client.send(weir_process.encode("PING"))
                        ended.append(client.at_end())
            except ConnectionError:
                pass
        threads = [threading.Thread(target=connect) for _ in range(4)]
        for thread in threads:
            thread.start()
        for client in clients:
            client.command("PING")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
