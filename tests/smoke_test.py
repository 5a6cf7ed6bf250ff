#!/usr/bin/python3
"""Goal: the README's first steps work, and weir answers what redis-server 7.0 answers.

Method: redis-cli drives a real weir; then one script of commands, good and bad, goes over raw
sockets to weir and to Debian's redis-server beside it, in RESP2, RESP3 and inline form, and the
bytes of every reply are compared. ALLOWED lists what may differ, and why.

    smoke_test.py WEIR
"""

import json
import os
import subprocess
import sys
import unittest

import transcript
import weir_process

WEIR = ""


class WithServers(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def start_weir(self, *flags, config=""):
        server = weir_process.Weir(WEIR, os.path.join(self.directory, "weir"), *flags,
                                   config=config)
        self.addCleanup(server.kill)
        return server

    def start_redis(self):
        server = weir_process.Redis(os.path.join(self.directory, "redis"))
        self.addCleanup(server.kill)
        return server


class Readme(WithServers):
    def redis_cli(self, server, *words):
        done = subprocess.run(["redis-cli", "-p", str(server.port), "--no-raw", *words],
                              capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def test_redis_cli_reads_what_it_wrote_and_so_it_does_after_kill_9(self):
        server = self.start_weir()
        for protocol in ("-2", "-3"):
            self.assertEqual(self.redis_cli(server, protocol, "set", "greeting", "hello"), "OK")
            self.assertEqual(self.redis_cli(server, protocol, "get", "greeting"), '"hello"')
        self.assertEqual(self.redis_cli(server, "incr", "visits"), "(integer) 1")
        self.redis_cli(server, "set", "session", "abc", "px", "60000")
        server.kill()
        server = self.start_weir()
        self.assertEqual(self.redis_cli(server, "get", "greeting"), '"hello"')
        self.assertEqual(self.redis_cli(server, "incr", "visits"), "(integer) 2")
        remaining = int(self.redis_cli(server, "pttl", "session").removeprefix("(integer) "))
        self.assertTrue(0 < remaining < 60000, remaining)

    def test_the_ring_of_a_running_server_is_shown(self):
        server = self.start_weir()
        address = f"127.0.0.1:{server.port}"
        done = subprocess.run([WEIR, "ring", "owner", "--server", address, "foo"],
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(done.stdout, "foo  slot 12182  node 0\n")

    def test_an_upload_over_the_limit_hears_when_to_come_back(self):
        server = self.start_weir(config='[[limit]]\nname = "uploads"\nkey_prefix = "upload:"\n'
                                        'rate = "10/h"\nburst = 5\n\n'
                                        '[[keyspace]]\nprefix = "profile:"\ncache_ttl = "60s"\n'
                                        'negative_ttl = "5s"\n')
        for number in range(5):
            self.assertEqual(self.redis_cli(server, "set", f"upload:{number}", "x"), "OK")
        self.assertRegex(self.redis_cli(server, "set", "upload:5", "x"),
                         r"^\(error\) THROTTLED retry_after_ms=\d+ policy=uploads limit=10/1h ")
        self.assertEqual(self.redis_cli(server, "set", "profile:1", "x"), "OK")


class AgainstRedis(WithServers):
    def setUp(self):
        super().setUp()
        # So long that it ends no connection before its error has.
        self.weir = self.start_weir("--partial-command-timeout", "1h")
        self.redis = self.start_redis()

    def compare(self, script, protocol):
        """Runs the script on a new connection to each server; fails with all that differs."""
        different = []
        with self.weir.client() as weir, self.redis.client() as redis:
            for client in (weir, redis):
                client.command("FLUSHALL")
                if protocol == 3:
                    client.command("HELLO", "3")
            for step in script:
                request = step.request()
                for client in (weir, redis):
                    client.send(request)
                answers = [(client.read(), client.raw) for client in (weir, redis)]
                if not step.same(*answers):
                    different.append(f"  {request!r}\n    redis {answers[1][1]!r}\n"
                                     f"    weir  {answers[0][1]!r}")
        if different:
            self.fail(f"{len(different)} replies differ in RESP{protocol}:\n"
                      + "\n".join(different))

    def test_every_reply_in_resp2_has_the_bytes_of_redis(self):
        self.assertGreaterEqual(len(transcript.SCRIPT), 200)
        self.compare(transcript.SCRIPT, 2)

    def test_every_reply_in_resp3_has_the_bytes_of_redis(self):
        self.compare(transcript.SCRIPT, 3)

    def test_inline_commands_are_answered_with_the_bytes_of_redis(self):
        self.compare(transcript.INLINE, 2)

    def test_input_that_is_no_command_ends_the_connection_with_the_error_of_redis(self):
        def ending(server, request):
            with server.client(timeout=10) as client:
                client.send(request)
                try:
                    return client.at_end()
                except TimeoutError:
                    return "no end"

        for request in transcript.BROKEN:
            with self.subTest(request=request[:60]):
                self.assertEqual(ending(self.weir, request), ending(self.redis, request))

    def test_what_differs_by_intent_differs_as_written(self):
        for step, redis_reply, weir_reply, reason in transcript.DIFFERENT:
            for server, expected in ((self.weir, weir_reply), (self.redis, redis_reply)):
                with self.subTest(reason=reason, expected=expected), server.client() as client:
                    client.command("FLUSHALL")
                    client.send(step.request())
                    if expected is not None:
                        client.read()
                        self.assertEqual(client.raw, expected)

    def test_quit_is_answered_and_what_follows_it_is_not(self):
        for server in (self.weir, self.redis):
            with server.client() as client:
                client.send(b"*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n")
                self.assertEqual(client.at_end(), b"+OK\r\n")

    def test_hello_differs_from_redis_in_server_version_and_id_alone(self):
        for protocol in ("2", "3"):
            answers = []
            for server in (self.weir, self.redis):
                with server.client() as client:
                    reply = client.command("HELLO", protocol)
                    if isinstance(reply, list):
                        reply = dict(zip(reply[::2], reply[1::2]))
                    answers.append(reply)
            for reply in answers:
                self.assertIsInstance(reply.pop(b"id"), int)
                reply.pop(b"version")
            self.assertEqual(answers[0].pop(b"server"), b"weir")
            self.assertEqual(answers[1].pop(b"server"), b"redis")
            self.assertEqual(answers[0], answers[1])

    def test_scan_returns_every_key_once_whatever_the_count(self):
        keys = {b"key:%d" % i for i in range(500)} | {b"other"}
        for server in (self.weir, self.redis):
            with server.client() as client:
                client.pipeline([("SET", key, "v") for key in keys])
                for options in ((), ("COUNT", "7"), ("COUNT", "1000"), ("TYPE", "string")):
                    self.assertEqual(sorted(self.scan(client, *options)), sorted(keys))
                self.assertEqual(set(self.scan(client, "MATCH", "key:1?")),
                                 {b"key:%d" % i for i in range(10, 20)})
                self.assertEqual(self.scan(client, "TYPE", "hash"), [])

    def scan(self, client, *options):
        found, cursor = [], b"0"
        while True:
            cursor, page = client.command("SCAN", cursor, *options)
            found += page
            if cursor == b"0":
                return found

    def test_keys_that_have_expired_are_gone_everywhere(self):
        for server in (self.weir, self.redis):
            with server.client() as client:
                client.pipeline([("SET", "stays", "1"), ("SET", "goes", "1", "PX", "50"),
                                 ("SET", "past", "1", "PXAT", "1")])
                weir_process.wait_until(lambda c=client: c.command("GET", "goes") is None,
                                        "the key expires")
                self.assertEqual(client.pipeline([
                    ("DBSIZE",), ("EXISTS", "goes", "past", "stays"), ("TTL", "goes"),
                    ("TYPE", "past"), ("MGET", "goes", "past", "stays"), ("DEL", "goes", "past")]),
                    [1, 1, -2, b"none", [None, None, b"1"], 0])
                self.assertEqual(self.scan(client), [b"stays"])

    def test_introspection_has_the_shape_that_clients_expect(self):
        with self.weir.client() as client:
            count = client.command("COMMAND", "COUNT")
            self.assertEqual(len(client.command("COMMAND")), count)
            docs = client.command("COMMAND", "DOCS", "get")
            self.assertEqual(docs[0], b"get")
            get, absent = client.command("COMMAND", "INFO", "get", "no-such")
            self.assertEqual((get[:2], get[3:6], absent), ([b"get", 2], [1, 1, 1], None))
            info = client.command("INFO").decode()
            for line in ("# Server\r\n", "redis_version:7", "# Keyspace"):
                self.assertIn(line, info)
            self.assertEqual(client.command("CONFIG", "GET", "maxmemory*")[::2],
                             [b"maxmemory", b"maxmemory-policy"])
            first = client.command("CLIENT", "ID")
            with self.weir.client() as other:
                self.assertGreater(other.command("CLIENT", "ID"), first)

    def test_command_info_says_what_redis_says_of_every_command(self):
        """Names, arity, flags, keys, categories, tips and key specifications, subcommands too."""
        def plain(row):
            name, arity, flags, first, last, step, categories, tips, specs, _ = row
            specs = [{key: value for key, value in spec.items() if key != b"notes"}
                     for spec in specs]
            return [name, arity, sorted(flags), first, last, step, sorted(categories),
                    sorted(tips), specs]

        def rows(client):
            client.command("HELLO", "3")
            found = {}
            for row in client.command("COMMAND"):
                for each in [row] + row[9]:
                    found[each[0]] = plain(each)
            return found

        with self.weir.client() as weir, self.redis.client() as redis:
            ours, theirs = rows(weir), rows(redis)
        own = {name.encode() for name in transcript.ALLOWED}
        unknown = {name for name in set(ours) - set(theirs)
                   if name.split(b"|")[0] not in own and not name.startswith(b"weir.")}
        self.assertEqual(unknown, transcript.NEWER_THAN_REDIS_7_0)
        for name in sorted(set(ours) & set(theirs)):
            with self.subTest(command=name):
                self.assertEqual(ours[name], theirs[name])

    def test_every_command_of_the_table_is_in_the_script(self):
        with self.weir.client() as client:
            named = {row[0].decode() for row in client.command("COMMAND")}
        self.assertEqual(named - transcript.commands() - set(transcript.ALLOWED), set(),
                         json.dumps(transcript.ALLOWED, indent=1))


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
