#!/usr/bin/python3
"""Goal: weir starts, refuses, limits and stops as it promises.

Method: the real process, its exit codes, its log and its sockets.

    lifecycle_test.py WEIR
"""

import os
import re
import signal
import socket
import subprocess
import sys
import unittest

import weir_process
from weir_process import encode

WEIR = ""
MIB = 1 << 20


class WithServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")

    def start(self, *flags, config=""):
        server = weir_process.Weir(WEIR, self.directory, *flags, config=config)
        self.addCleanup(server.kill)
        return server

    def run_weir(self, *flags, config=""):
        """Runs `weir serve` that is expected to refuse; returns exit code and what it said."""
        arguments = [os.path.abspath(WEIR), "serve", *map(str, flags)]
        for flag in ("--listen", "--admin"):
            if flag not in flags:
                arguments += [flag, "127.0.0.1:0"]
        os.makedirs(self.directory, exist_ok=True)
        if config:
            with open(os.path.join(self.directory, "refused.toml"), "w", encoding="utf-8") as file:
                file.write(config)
            arguments += ["--config", "refused.toml"]
        done = subprocess.run(arguments, cwd=self.directory, capture_output=True, text=True,
                              timeout=weir_process.DEADLINE_SECONDS, check=False)
        return done.returncode, done.stderr


class Supervised(WithServer):
    def test_the_supervisor_hears_when_clients_are_served_and_when_stopping_begins(self):
        os.makedirs(self.directory)
        name = os.path.join(self.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(name)
            supervisor.settimeout(weir_process.DEADLINE_SECONDS)
            server = weir_process.Weir(WEIR, self.directory, env={"NOTIFY_SOCKET": name})
            self.addCleanup(server.kill)
            self.assertEqual(supervisor.recv(64), b"READY=1")
            with server.client() as client:
                self.assertEqual(client.command("PING"), b"PONG")
            self.assertEqual(server.stop(), 0)
            self.assertEqual(supervisor.recv(64), b"STOPPING=1")

    def test_a_supervisor_that_is_not_there_is_named_and_does_not_stop_the_service(self):
        server = weir_process.Weir(WEIR, self.directory, env={"NOTIFY_SOCKET": "/nowhere/notify"})
        self.addCleanup(server.kill)
        weir_process.wait_until(lambda: "/nowhere/notify" in server.log(), "the warning")
        self.assertEqual(server.stop(), 0)


class Stopping(WithServer):
    def test_sigterm_answers_the_commands_already_sent_and_exits_0(self):
        count = 5000
        server = self.start()
        with server.client() as client:
            client.command("PING")
            server.signal(signal.SIGSTOP)
            client.send(b"".join(encode("INCR", "n") for _ in range(count)))
            server.signal(signal.SIGTERM)
            server.signal(signal.SIGCONT)
            replies = client.at_end()
        self.assertEqual(server.wait(), 0)
        self.assertEqual(replies, b"".join(b":%d\r\n" % i for i in range(1, count + 1)))
        self.assertRegex(server.log(), r"msg=draining signal=SIGTERM[\s\S]*msg=stopped\n$")
        with self.start().client() as client:
            self.assertEqual(client.command("GET", "n"), b"%d" % count)

    def test_sigterm_ends_idle_connections_and_takes_no_new_ones(self):
        server = self.start()
        with server.client() as client:
            self.assertEqual(client.command("PING"), b"PONG")
            self.assertEqual(server.stop(), 0)
            self.assertEqual(client.at_end(), b"")
        with self.assertRaises(ConnectionRefusedError):
            server.client()

    def test_sigint_stops_as_sigterm_does(self):
        server = self.start()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 0)

    def test_a_database_that_never_answers_does_not_hold_the_stop_for_ever(self):
        os.makedirs(self.directory)
        slowness = os.path.join(self.directory, "slowness")
        with open(slowness, "w", encoding="ascii") as file:
            file.write("readers 1 read_us 0 write_us 0 frozen 1\n")
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "frozen"), "--drain-timeout",
                                   "0s", env={"WEIR_SLOW_STORE": slowness})
        self.addCleanup(server.kill)
        with server.client() as client:
            client.send(encode("SET", "k", "v"))
            weir_process.wait_until(
                lambda: server.metrics()['weir_admission_under_way{database="0",op="commit"}'] > 0,
                "the write is in the database")
            self.assertEqual(server.stop(), 1)
        self.assertRegex(server.log(), 'msg="a database does not answer, so weir ends without it')

    def test_a_client_that_takes_no_replies_holds_the_stop_no_longer_than_the_drain_timeout(self):
        server = self.start("--drain-timeout", "500ms")
        with server.client() as client:
            client.command("SET", "big", b"x" * MIB)
            client.send(encode("GET", "big") * 100)
            self.assertEqual(server.stop(seconds=20), 0)


    def test_it_stops_by_itself_while_keys_of_several_databases_are_listed(self):
        # Each KEYS goes from one database to the other and back.
        shards = "".join(f'[[shard]]\nname = "{name}"\ndata = "{data}"\n'
                         for name, data in (("a", "one"), ("b", "two"), ("c", "one")))
        server = self.start("--drain-timeout", "0s", "--durability", "os", config=shards)
        with server.client() as client:
            for group in range(10):
                client.pipeline([("SET", f"key{group}:{i}", "v") for i in range(10000)])
        listing = [server.client() for _ in range(8)]
        for client in listing:
            self.addCleanup(client.close)
            client.send(encode("KEYS", "*nothing*") * 3)
        self.assertEqual(server.stop(), 0, server.log())


class Refusing(WithServer):
    def test_a_second_server_on_the_port_is_refused(self):
        server = self.start()
        code, said = self.run_weir("--listen", f"127.0.0.1:{server.port}", "--data", "other")
        self.assertEqual(code, 1, said)
        self.assertRegex(said, rf"127\.0\.0\.1:{server.port}.*(in use|another)")
        code, said = self.run_weir("--admin", f"127.0.0.1:{server.admin_port}", "--data", "third")
        self.assertEqual(code, 1, said)
        self.assertRegex(said, rf"{server.admin_port}.*(in use|another)")

    def test_a_second_server_on_the_data_is_refused_and_the_first_serves_on(self):
        server = self.start()
        code, said = self.run_weir("--data", "data")
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"data.*(use|lock)")
        with server.client() as client:
            self.assertEqual(client.command("SET", "k", "v"), b"OK")

    def test_addresses_beyond_loopback_are_refused(self):
        for flag in ("--listen", "--admin"):
            for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
                code, said = self.run_weir(flag, address)
                self.assertEqual((code, "use 127.0.0.1" in said), (2, True), said)

    def test_mistakes_of_usage_and_configuration_exit_with_2(self):
        for flags, config, names in (
                (("--no-such",), "", "--no-such"), (("--shards", "0"), "", "--shards"),
                (("--memory", "1mb"), "", "--memory"),
                (("--config", "absent.toml"), "", "absent.toml"),
                ((), "[server]\nshard = 1\n", "refused.toml:2:1"),
                ((), "[server\n", "refused.toml:1:"),
                ((), "[cache]\nttl = 'x'\n", "refused.toml:2:7")):
            code, said = self.run_weir(*flags, config=config)
            self.assertEqual((code, names in said), (2, True), said)

    def test_data_of_an_unknown_format_is_refused_and_left_alone(self):
        self.assertEqual(self.start().stop(), 0)
        name = os.path.join(self.directory, "data", "FORMAT")
        with open(name, encoding="utf-8") as file:
            text = file.read()
        changed = re.sub(r"\d+", lambda number: str(int(number[0]) + 1), text, count=1)
        self.assertNotEqual(changed, text)
        with open(name, "w", encoding="utf-8") as file:
            file.write(changed)
        code, said = self.run_weir("--data", "data")
        self.assertEqual((code, "format" in said.lower()), (1, True), said)
        with open(name, encoding="utf-8") as file:
            self.assertEqual(file.read(), changed)

    def test_a_log_damaged_before_its_end_is_refused(self):
        server = self.start()
        with server.client() as client:
            client.pipeline([("SET", f"k{i}", "v" * 1000) for i in range(2000)])
        server.kill()
        folder = os.path.join(self.directory, "data", "rocksdb")
        logs = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".log")]
        largest = max(logs, key=os.path.getsize)
        self.assertGreater(os.path.getsize(largest), 1_000_000)
        with open(largest, "r+b") as file:
            file.seek(os.path.getsize(largest) // 2)
            file.write(b"\xa5" * 64)
        for _ in range(2):  # Nor does the refusal itself repair anything.
            code, said = self.run_weir("--data", "data")
            self.assertEqual(code, 1, said)
            self.assertRegex(said.lower(), r"corrupt|damage")

    def test_shards_is_for_a_new_directory_alone(self):
        server = self.start("--shards", 3)
        self.assertIn("shards=3", server.log())
        with server.client() as client:
            client.pipeline([("SET", f"k{i}", i) for i in range(100)])
        self.assertEqual(server.stop(), 0)
        server = self.start("--shards", 5)
        self.assertIn("shards=3", server.log())
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), 100)
            self.assertEqual(client.pipeline([("GET", f"k{i}") for i in range(100)]),
                             [b"%d" % i for i in range(100)])


class Admin(WithServer):
    def test_health_readiness_and_metrics_are_served_over_http(self):
        server = self.start()
        self.assertEqual(server.http("/healthz"), (200, "ok\n"))
        self.assertEqual(server.http("/readyz"), (200, "ok\n"))
        with server.client() as client:
            client.pipeline([("SET", "k", "v"), ("GET", "k"), ("GET", "absent"), ("INCR", "k")])
        metrics = server.metrics()
        self.assertEqual(metrics['weir_requests_total{command="get",result="ok"}'], 2)
        self.assertEqual(metrics['weir_requests_total{command="incr",result="error"}'], 1)
        self.assertEqual(metrics["redis_keyspace_hits_total"], 1)
        self.assertEqual(metrics["redis_keyspace_misses_total"], 1)
        self.assertEqual(server.http("/no-such")[0], 404)

    def test_http_on_the_data_port_is_cut_off_at_once(self):
        server = self.start("--partial-command-timeout", "1h")
        with server.client(timeout=10) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n")
            self.assertNotIn(b"OK", client.at_end())
        with server.client() as client:
            self.assertIsNone(client.command("GET", "k"))


class Limits(WithServer):
    def test_a_command_sent_by_half_is_given_up_after_its_timeout(self):
        server = self.start("--partial-command-timeout", "300ms")
        with server.client() as idle, server.client() as client:
            client.send(b"*2\r\n$3\r\nGET\r\n$5\r\nab")
            self.assertEqual(client.at_end(), b"")
            self.assertEqual(idle.command("PING"), b"PONG")
        self.assertEqual(server.metrics()["weir_connections_closed_slow_total"], 1)

    def test_a_client_that_sends_nothing_is_disconnected_after_the_idle_timeout(self):
        server = self.start("--idle-timeout", "1s")
        with server.client() as client:
            self.assertEqual(client.command("PING"), b"PONG")
            self.assertEqual(client.at_end(), b"")

    def test_one_client_more_than_max_clients_is_told_so(self):
        server = self.start("--max-clients", 3)
        clients = [server.client() for _ in range(3)]
        for client in clients:
            self.addCleanup(client.close)
            self.assertEqual(client.command("PING"), b"PONG")
        with server.client() as refused:
            self.assertEqual(refused.at_end(), b"-ERR max number of clients reached\r\n")
        clients[0].close()

        def serves_again():
            with server.client() as client:
                try:
                    return client.command("PING") == b"PONG"
                except OSError:
                    return False
        weir_process.wait_until(serves_again, "a place is free again")
        self.assertEqual(clients[1].command("PING"), b"PONG")

    def test_a_limited_request_is_told_when_to_come_back_and_changes_nothing(self):
        server = self.start(config='[[limit]]\nname = "w"\ncommands = "write"\nrate = "60/h"\n'
                                   'burst = 3\n\n[[limit]]\nname = "bytes"\nunit = "bytes"\n'
                                   'key_prefix = "b:"\nrate = "1kb/h"\nburst = "1kb"\n')
        with server.client() as client:
            replies = client.pipeline([("SET", f"k{i}", "v") for i in range(5)] + [("GET", "k0")])
            self.assertEqual(replies[:3], [b"OK"] * 3)
            for reply in replies[3:5]:
                self.assertIsInstance(reply, weir_process.ErrorReply)
                found = re.fullmatch(rb"THROTTLED retry_after_ms=(\d+) policy=w limit=60/1h "
                                     rb"scope=\w+ reason=quota", reply)
                self.assertIsNotNone(found, reply)
                self.assertTrue(55_000 <= int(found[1]) <= 60_000, reply)
            self.assertEqual(replies[5], b"v")
            self.assertEqual(client.command("EXISTS", "k3", "k4"), 0)
            too_big = client.command("GET", "b:" + "x" * 2000)
            self.assertRegex(too_big, rb"^THROTTLED retry_after_ms=-1 policy=bytes ")
        metrics = server.metrics()
        self.assertEqual(metrics["weir_throttled_total"], 3)
        self.assertEqual(
            metrics['weir_ratelimit_decisions_total{policy="w",decision="deny"}'], 2)

    def test_a_value_over_the_limit_of_its_keyspace_is_refused(self):
        server = self.start(config='[[keyspace]]\nprefix = "small:"\nmax_value = "1kb"\n')
        with server.client() as client:
            self.assertEqual(client.command("SET", "small:a", "x" * 1024), b"OK")
            self.assertIsInstance(client.command("SET", "small:a", "x" * 1025),
                                  weir_process.ErrorReply)
            self.assertIsInstance(client.command("APPEND", "small:a", "x"),
                                  weir_process.ErrorReply)
            self.assertEqual(client.command("STRLEN", "small:a"), 1024)
            self.assertEqual(client.command("SET", "large", "x" * 1025), b"OK")

    def test_a_client_that_reads_nothing_does_not_grow_the_server(self):
        server = self.start("--memory", "256MiB")
        with server.client() as writer:
            writer.command("SET", "big", b"x" * MIB)
            writer.command("GET", "big")
        before = server.resident_bytes()
        slow = [server.client() for _ in range(4)]
        for client in slow:
            self.addCleanup(client.close)
            client.send(encode("GET", "big") * 3000)
        peak = 0
        with server.client() as other:  # Its replies show that the loops have turned many times.
            for _ in range(3000):
                other.command("GET", "absent")
                peak = max(peak, server.resident_bytes())
        self.assertLess(peak - before, 150 * MIB)
        expected = b"$%d\r\n" % MIB + b"x" * MIB + b"\r\n"
        for _ in range(20):  # And who begins to read gets all, in order.
            slow[0].read()
            self.assertEqual(slow[0].raw, expected)

    def test_a_declared_length_allocates_nothing(self):
        server = self.start("--memory", "256MiB")
        with server.client() as probe:
            probe.command("PING")
            before = server.resident_bytes()
            liars = [server.client() for _ in range(200)]
            for liar in liars:
                self.addCleanup(liar.close)
                liar.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\nx")
            weir_process.wait_until(
                lambda: server.metrics()["redis_net_input_bytes_total"] > 200 * 30,
                "the server has read what they sent")
            self.assertLess(server.resident_bytes() - before, 32 * MIB)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
