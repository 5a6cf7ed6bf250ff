#!/usr/bin/python3
"""Goal: the client libraries and tools that people use work with weir unchanged.

Method: redis-py, ioredis and node-redis (RESP2 and RESP3) and redis-benchmark drive a real weir.
What the JavaScript clients do is in clients.js. None may be missing: ./dev installs them.

    clients_test.py WEIR
"""

import os
import re
import subprocess
import sys
import unittest

import redis

import weir_process

WEIR = ""
FOLDER = os.path.dirname(os.path.abspath(__file__))


class Clients(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.server = weir_process.Weir(
            WEIR, os.path.join(scratch.name, "weir"), "--memory", "256MiB",
            config='[[limit]]\nname = "uploads"\nkey_prefix = "upload:"\nrate = "1/h"\nburst = 1\n')
        self.addCleanup(self.server.kill)

    def run_program(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                              cwd=FOLDER)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_redis_py(self):
        with redis.Redis(port=self.server.port, client_name="me") as client:
            self.assertTrue(client.ping())
            self.assertEqual(client.client_getname(), "me")
            self.assertTrue(client.set("k", b"\x00\xff", px=60000))
            self.assertEqual(client.get("k"), b"\x00\xff")
            self.assertTrue(0 < client.pttl("k") <= 60000)
            self.assertIsNone(client.set("k", "other", nx=True))
            self.assertEqual(client.set("k", "other", get=True), b"\x00\xff")
            self.assertTrue(client.mset({"a": 1, "b": 2}))
            self.assertEqual(client.mget("a", "none", "b"), [b"1", None, b"2"])
            self.assertEqual((client.incr("n"), client.incrby("n", 9)), (1, 10))
            self.assertEqual(client.decr("n"), 9)
            self.assertEqual((client.append("k", "!"), client.strlen("k")), (6, 6))
            self.assertEqual((client.exists("a", "b", "none"), client.delete("a", "none")), (2, 1))
            self.assertEqual((client.ttl("k"), client.ttl("none"), client.type("k")),
                             (-1, -2, b"string"))
            self.assertTrue(client.expire("k", 100))
            self.assertTrue(client.persist("k"))
            self.assertEqual(set(client.scan_iter(count=2)), {b"k", b"b", b"n"})
            self.assertEqual(client.dbsize(), 3)
            self.assertEqual(client.info("server")["redis_mode"], "standalone")
            self.assertIn("maxmemory", client.config_get("maxmemory"))
            with self.assertRaisesRegex(redis.ResponseError, "value is not an integer"):
                client.incr("k")
            client.set("upload:1", "x")
            with self.assertRaisesRegex(redis.ResponseError, "^THROTTLED retry_after_ms="):
                client.set("upload:1", "x")
            pipeline = client.pipeline(transaction=False)
            for i in range(1000):
                pipeline.set(f"p:{i}", i).get(f"p:{i}")
            self.assertEqual(pipeline.execute()[1::2], [b"%d" % i for i in range(1000)])
            self.assertTrue(client.flushall())
            self.assertEqual(client.dbsize(), 0)

    def test_transactions_of_redis_py(self):
        tries = []

        def double(pipeline):
            value = int(pipeline.get("t"))
            if not tries:
                client.incr("t")  # By another connection, so that the first try is refused.
            tries.append(value)
            pipeline.multi()
            pipeline.set("t", 2 * value)

        with redis.Redis(port=self.server.port) as client:
            # The default pipeline is MULTI and EXEC.
            self.assertEqual(client.pipeline().set("t", 1).incr("t").get("t").execute(),
                             [True, 2, b"2"])
            self.assertEqual(client.transaction(double, "t"), [True])
            self.assertEqual((tries, client.get("t")), ([2, 3], b"6"))

    def test_ioredis(self):
        self.run_program("node", "clients.js", "ioredis", str(self.server.port))

    def test_node_redis_in_resp2(self):
        self.run_program("node", "clients.js", "redis", str(self.server.port), "2")

    def test_node_redis_in_resp3(self):
        self.run_program("node", "clients.js", "redis", str(self.server.port), "3")

    def test_redis_benchmark(self):
        said = self.run_program("redis-benchmark", "-p", str(self.server.port), "-t", "get,set",
                                "-P", "16", "-n", "100000", "-d", "100", "-r", "10000", "-q")
        rates = re.findall(r"(SET|GET): ([0-9.]+) requests per second", said)
        self.assertEqual([name for name, _ in rates], ["SET", "GET"], said)
        metrics = self.server.metrics()
        for command in ("get", "set"):
            self.assertEqual(
                [metrics[f'weir_requests_total{{command="{command}",result="{result}"}}']
                 for result in ("ok", "error")], [100000, 0])


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
