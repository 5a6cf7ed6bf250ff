#!/usr/bin/python3
"""Goal: the examples of docs/limits.md do what they say: nginx, HAProxy, curl, redis-py, ioredis.

Method: each is cut out of the page, its ports replaced by free ones, and run against a real weir;
behind the proxies stands a small server of this test.

    limits_test.py WEIR PAGE
"""

import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

import weir_process

WEIR = ""
PAGE = ""

LIMIT = """
[[limit]]
name = "slow"
commands = "write"
key_prefix = "slow:"
rate = "1/h"

[[limit]]
name = "calm"
commands = "write"
key_prefix = "calm:"
rate = "100/s"
burst = 1
delay = "10s"
"""


def example(language, holds=""):
    """The block of the page in this language that holds these words."""
    found = [block for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
             if holds in block]
    assert len(found) == 1, (language, holds, len(found))
    return found[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"app\n")

    def log_message(self, *_):
        pass


class Limits(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        config = example("toml", "check =").replace("127.0.0.1:6392", "127.0.0.1:0") + LIMIT
        self.weir = weir_process.Weir(WEIR, os.path.join(self.folder, "weir"), "--store", "memory",
                                      config=config)
        self.addCleanup(self.weir.kill)
        self.check_port = int(weir_process.wait_until(
            lambda: re.search(r'"answering checks" check=\S+:(\d+)', self.weir.log()),
            "checks are answered")[1])

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def ask(self, port, path, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port,
                                                timeout=weir_process.DEADLINE_SECONDS)
        self.addCleanup(connection.close)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def serve_app(self):
        app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
        thread = threading.Thread(target=app.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(app.server_close)
        self.addCleanup(app.shutdown)
        return app.server_port

    def with_ports(self, text, front):
        return (text.replace("127.0.0.1:6392", f"127.0.0.1:{self.check_port}")
                .replace("127.0.0.1:8080", f"127.0.0.1:{front}")
                .replace("127.0.0.1:8081", f"127.0.0.1:{self.app_port}"))

    def start_proxy(self, command_for):
        """Starts what `command_for(port)` returns and waits until it listens; returns the port."""
        log_path = os.path.join(self.folder, "proxy.log")
        for _ in range(5):  # Somebody else may take a free port before the proxy does.
            port = free_port()
            with open(log_path, "wb") as log:
                process = subprocess.Popen(command_for(port), cwd=self.folder, stdout=log,
                                           stderr=log)

            def end(process=process):
                process.terminate()
                process.wait()
            self.addCleanup(end)
            weir_process.wait_until(lambda: process.poll() is not None or self.answers(port),
                                    "the proxy listens")
            if process.poll() is None:
                return port
        with open(log_path, encoding="utf-8") as log:
            self.fail(f"the proxy does not start: {log.read()}")

    def answers(self, port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def limits_its_app(self, port):
        """Three pass, the fourth does not and is told when to come back."""
        for _ in range(3):
            status, _, body = self.ask(port, "/some/page")
            self.assertEqual((status, body), (200, b"app\n"))
        status, headers, _ = self.ask(port, "/some/page")
        self.assertEqual(status, 429)
        self.assertIn(int(headers["Retry-After"]), range(1, 21))
        return headers

    def test_nginx(self):
        self.app_port = self.serve_app()
        places = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

        def command_for(front):
            path = self.write("nginx.conf", f"daemon off;\nmaster_process off;\n"
                              f"pid {self.folder}/nginx.pid;\nevents {{}}\nhttp {{\n"
                              f"access_log off;\n{places}"
                              f"{self.with_ports(example('nginx'), front)}}}\n")
            return ("/usr/sbin/nginx", "-p", self.folder, "-e", "stderr", "-c", path)
        headers = self.limits_its_app(self.start_proxy(command_for))
        self.assertRegex(headers["RateLimit"], r'^"api";r=0;t=\d+$')

    def test_haproxy(self):
        self.app_port = self.serve_app()

        def command_for(front):
            self.write("weir_check.lua", self.with_ports(example("lua"), front))
            path = self.write("haproxy.cfg", self.with_ports(example("haproxy"), front))
            return ("/usr/sbin/haproxy", "-db", "-f", path)
        self.limits_its_app(self.start_proxy(command_for))

    def test_curl(self):
        command = example("sh", "curl").replace("6392", str(self.check_port))
        told = [subprocess.run(command, shell=True, check=True, capture_output=True).stdout
                for _ in range(4)]
        self.assertEqual(told, [b"200\n"] * 3 + [b"429\n"])

    def test_methods_statuses_and_headers(self):
        status, headers, body = self.ask(self.check_port, "/v1/check/api?key=a&cost=2")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(headers["RateLimit-Policy"], '"api";q=3;w=60')
        self.assertEqual(headers["RateLimit"], '"api";r=1;t=20')
        status, headers, body = self.ask(self.check_port, "/v1/check/api?key=a&cost=2", "HEAD")
        self.assertEqual((status, body), (429, b""))
        status, headers, body = self.ask(self.check_port, "/v1/check/api?key=a&cost=9", "POST",
                                         b"x" * 5000)
        self.assertEqual(status, 429)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        self.assertNotIn("Retry-After", headers)
        self.assertIn(b'"violated-policies":["api"]', body)
        self.assertEqual(self.ask(self.check_port, "/v1/check/none?key=a")[0], 400)
        self.assertEqual(self.ask(self.check_port, "/v1/check/api?key=a", "DELETE")[0], 405)
        self.assertEqual(self.ask(self.check_port, "/v1/check/api?key=a", "POST",
                                  b"x" * 70000)[0], 413)
        with self.weir.client() as client:
            self.assertEqual(client.command("LIMIT.PEEK", "a", "POLICY", "api")[:2], [1, 1])

    def test_the_rules_of_envoyproxy_ratelimit(self):
        rules = self.write("rules.yaml", """
domain: shop
descriptors:
  - key: user
    rate_limit: {unit: hour, requests_per_unit: 2}
  - key: tenant
    rate_limit: {unit: second, requests_per_unit: 1000}
""")
        weir = weir_process.Weir(
            WEIR, os.path.join(self.folder, "other"), "--store", "memory", "--check",
            "127.0.0.1:0", "--check-rules", rules)
        self.addCleanup(weir.kill)
        port = int(weir_process.wait_until(
            lambda: re.search(r'"answering checks" check=\S+:(\d+)', weir.log()), "it answers")[1])
        body = json.dumps({"domain": "shop", "descriptors": [
            {"entries": [{"key": "user", "value": "7"}]},
            {"entries": [{"key": "tenant", "value": "a"}]}]})
        told = [self.ask(port, "/json", "POST", body) for _ in range(3)]
        self.assertEqual([status for status, _, _ in told], [200, 200, 429])
        first, last = json.loads(told[0][2]), json.loads(told[2][2])
        self.assertEqual(first["statuses"][0]["limitRemaining"], 1)
        self.assertEqual(last["overallCode"], "OVER_LIMIT")
        self.assertEqual([status["code"] for status in last["statuses"]], ["OVER_LIMIT", "OK"])
        self.assertEqual(self.ask(port, "/json", "POST", "no")[0], 400)
        self.assertEqual(self.ask(self.check_port, "/json", "POST", body)[0], 404)

    def waiting(self):
        return self.weir.metrics()["weir_ratelimit_waiting"]

    def test_who_waits_is_served_in_order_and_who_leaves_gives_up_its_place(self):
        first, second, third, other = (self.weir.client() for _ in range(4))
        for client in (first, second, third, other):
            self.addCleanup(client.close)
        take = ("k", "RATE", "1/h")
        self.assertEqual(other.command("LIMIT.CHECK", *take)[0], 1)
        for place, client in enumerate((first, second, third), 1):
            client.send(weir_process.encode("LIMIT.WAIT", *take, "COST", "1", "MAX", "3600000"))
            if place == 1:
                weir_process.wait_until(lambda: self.waiting() == 1, "it waits")
        # An hour is too short for a second one.
        for client in (second, third):
            self.assertEqual(client.read()[0], 0)
            client.send(weir_process.encode("LIMIT.WAIT", "k", "RATE", "1/h", "MAX", "0"))
            self.assertEqual(client.read()[0], 0)
        first.close()
        weir_process.wait_until(lambda: self.waiting() == 0, "its place is given up")
        second.send(weir_process.encode("LIMIT.WAIT", *take, "MAX", "3600000"))
        weir_process.wait_until(lambda: self.waiting() == 1, "another waits")
        other.command("LIMIT.REFUND", *take)
        self.assertEqual(second.read()[0], 1)

    def test_a_policy_that_delays(self):
        with self.weir.client() as client:
            told = client.pipeline([("SET", "calm:1", str(i)) for i in range(4)] +
                                   [("GET", "calm:1"), ("GET", "other")])
            self.assertEqual(told, [b"OK"] * 4 + [b"3", None])
            self.assertEqual(self.weir.metrics()[
                'weir_ratelimit_delayed_total{policy="calm"}'], 3)
            policy = client.command("LIMIT.EXPLAIN", "SET", "calm:1", "x")[0]
            self.assertEqual(policy[policy.index(b"action") + 1], b"delay")

    def test_a_server_that_stops_answers_who_waits(self):
        with self.weir.client() as client:
            client.command("LIMIT.CHECK", "k", "RATE", "1/h")
            client.send(weir_process.encode("LIMIT.WAIT", "k", "RATE", "1/h", "MAX", "3600000"))
            weir_process.wait_until(lambda: self.waiting() == 1, "it waits")
            self.assertEqual(self.weir.stop(), 0)
            self.assertEqual(client.read()[0], 0)

    def redis_cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.weir.port), *words], check=True,
                              capture_output=True, text=True).stdout.splitlines()

    def test_a_limit_is_tried_before_it_is_made(self):
        with self.weir.client() as client:
            client.pipeline([("SET", "job:1", "x")] * 8 + [("GET", "job:2")] * 2)
        trial = ("trial", "rate", "5/m", "per", "key", "key_prefix", "job:")
        told = self.redis_cli("LIMIT.WHATIF", *trial)
        self.assertEqual(dict(zip(told[:12:2], told[1:12:2])), {
            "requests": "10", "denied": "3", "denied_percent": "30.0", "buckets": "2",
            "sample": "requests", "one_in": "1"})
        self.assertEqual(told[-3:], ["top", "job:1", "3"])
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", *trial, "enforced", "0"), ["OK"])
        self.assertEqual(self.redis_cli("LIMIT.WHATIF", "trial")[3], "3")
        for _ in range(6):
            self.assertEqual(self.redis_cli("SET", "job:3", "x"), ["OK"])
        counted = self.redis_cli("LIMIT.POLICY", "GET", "trial")
        self.assertEqual(counted[counted.index("shadowed") + 1], "1")
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", *trial), ["OK"])
        refused = self.redis_cli("SET", "job:3", "x")[0]
        self.assertRegex(refused, r"THROTTLED retry_after_ms=\d+ policy=trial limit=5/1m ")
        explained = self.redis_cli("LIMIT.EXPLAIN", "SET", "job:3", "x")
        self.assertEqual(explained[explained.index("allowed") + 1], "0")
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", *trial, "rates", "50/h,9000/d"),
                         ["OK"])
        told = self.redis_cli("LIMIT.POLICY", "GET", "trial")
        self.assertEqual(told[told.index("rates") + 1], "50/h,9000/d")
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "DEL", "trial"), ["1"])
        self.assertEqual(self.redis_cli("SET", "job:3", "x"), ["OK"])

    def test_no_limit_refuses_what_shows_and_mends_it(self):
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", "lock", "rate", "1/d"), ["OK"])
        self.assertEqual(self.redis_cli("PING"), ["PONG"])
        self.assertIn("THROTTLED", self.redis_cli("PING")[0])
        explained = self.redis_cli("LIMIT.EXPLAIN", "PING")
        self.assertEqual(explained[explained.index("allowed") + 1], "0")
        self.assertIn("lock", self.redis_cli("LIMIT.POLICY", "LIST"))
        self.assertIn("denied", self.redis_cli("LIMIT.WHATIF", "lock"))
        self.assertIn("lock", self.redis_cli("LIMIT.OFFENDERS"))
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "DEL", "lock"), ["1"])
        self.assertEqual(self.redis_cli("PING"), ["PONG"])

    def test_each_text_of_a_template_has_a_bucket(self):
        keys = ("per", "{key.1}", "rate", "2/h", "key_prefix", "shop:")
        wrong = self.redis_cli("LIMIT.POLICY", "SET", "shops", *keys, "unit", "database ms")[0]
        self.assertIn("write \"requests\", \"bytes\" or \"database_ms\"", wrong)
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", "shops", "per", "{shop}/{user}",
                                        "rate", "1/s")[0].split(": ")[-1],
                         "'{shop}' is not known here; write {client}, {user}, {key} or {key.1} "
                         "to {key.9}")
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", "shops", *keys[:1], "{key.2}",
                                        *keys[2:]), ["OK"])
        for key in ("shop:acme:1", "shop:acme:2", "shop:beta:1"):
            self.assertEqual(self.redis_cli("SET", key, "x"), ["OK"])
        self.assertRegex(self.redis_cli("SET", "shop:acme:3", "x")[0],
                         r"THROTTLED retry_after_ms=\d+ policy=shops limit=2/1h scope={key.2} ")
        told = self.redis_cli("LIMIT.POLICY", "GET", "shops")
        self.assertEqual(told[told.index("per") + 1], "{key.2}")
        explained = self.redis_cli("LIMIT.EXPLAIN", "SET", "shop:acme:3", "x")
        self.assertEqual(explained[explained.index("key") + 1], "acme")
        self.assertEqual(self.redis_cli("LIMIT.PEEK", "beta", "POLICY", "shops")[1], "1")
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "DEL", "shops"), ["1"])

    # Each of these takes some of the one millisecond that there is.
    def test_the_time_of_databases_is_a_cost(self):
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "SET", "time", "unit", "database_ms",
                                        "rate", "1/h", "key_prefix", "timed:"), ["OK"])
        with self.weir.client() as client:
            replies = (client.command("SET", "timed:1", "x") for _ in range(100_000))
            refused = next(reply for reply in replies if reply != b"OK")
        self.assertRegex(refused, rb"THROTTLED retry_after_ms=\d+ policy=time limit=1ms/1h ")
        self.assertIn("how long databases work for a request is not noted",
                      self.redis_cli("LIMIT.WHATIF", "time")[0])
        self.assertEqual(self.redis_cli("LIMIT.POLICY", "DEL", "time"), ["1"])

    def test_redis_py(self):
        names = {}
        exec(compile(example("python"), "the example", "exec"), names)
        client = names["Limited"](port=self.weir.port)
        self.assertEqual(client.check("k", "1/h"), (True, 0))
        allowed, wait = client.check("k", "1/h")
        self.assertFalse(allowed)
        self.assertTrue(3590 < wait <= 3600)
        client.set("slow:1", "x")
        with self.assertRaises(names["Throttled"]) as raised:
            client.set("slow:1", "x")
        self.assertEqual(raised.exception.policy, "slow")
        self.assertTrue(3590 < raised.exception.retry_after <= 3600)

    def test_ioredis(self):
        path = self.write("limited.js", example("js") + """
(async () => {
  const client = new Redis({port: Number(process.argv[2])});
  const said = [await check(client, 'j', '1/h'), await check(client, 'j', '1/h')];
  await limited(client.set('slow:1', 'x'));
  await limited(client.set('slow:1', 'x')).catch((error) => said.push(error.policy,
      error instanceof Throttled && error.retryAfterMs > 3590000));
  console.log(JSON.stringify(said.map((one) => one.retryAfterMs > 3590000 ? 'refused' : one)));
  client.disconnect();
})();
""")
        environment = {**os.environ, "NODE_PATH": os.path.join(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "node_modules")}
        done = subprocess.run(["node", path, str(self.weir.port)], check=True, env=environment,
                              capture_output=True, timeout=weir_process.DEADLINE_SECONDS)
        self.assertEqual(done.stdout.decode().strip(),
                         '[{"allowed":true,"retryAfterMs":0},"refused","slow",true]')


class OverARestart(unittest.TestCase):
    def test_what_was_taken_stays_taken_after_a_stop_and_after_a_kill(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        folder = os.path.join(scratch.name, "weir")
        keys = [f"user:{i}" for i in range(10)]

        def start():
            weir = weir_process.Weir(WEIR, folder, "--limits-kept-every", "1h")
            self.addCleanup(weir.kill)
            client = weir.client()
            self.addCleanup(client.close)
            return weir, client

        def left(client, key):
            return client.command("LIMIT.PEEK", key, "RATE", "10/365d")[1]

        weir, client = start()
        for key in keys:
            self.assertEqual(client.command("LIMIT.CHECK", key, "RATE", "10/365d", "COST", 4)[0], 1)
        client.command("LIMIT.CHECK", "stopped", "RATE", "10/365d")
        weir.stop()
        weir, client = start()
        self.assertEqual([left(client, key) for key in keys], [6] * 10)
        self.assertEqual(left(client, "stopped"), 9)
        client.command("LIMIT.CHECK", "killed", "RATE", "10/365d")
        weir.kill()
        weir, client = start()
        self.assertEqual(left(client, "killed"), 0)
        # But for one that is by chance in the part of `killed`, of 16384.
        self.assertGreaterEqual([left(client, key) for key in keys].count(6), 9)

    def test_what_was_taken_is_saved_every_so_often(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        folder = os.path.join(scratch.name, "weir")

        def start():
            weir = weir_process.Weir(WEIR, folder, "--limits-kept-every", "100ms")
            self.addCleanup(weir.kill)
            client = weir.client()
            self.addCleanup(client.close)
            return weir, client

        def state_of():
            found = [os.path.join(at, "limits.state") for at, _, files in os.walk(folder)
                     if "limits.state" in files]
            return os.stat(found[0]).st_ino, os.stat(found[0]).st_mtime_ns

        weir, client = start()
        client.command("LIMIT.CHECK", "k", "RATE", "10/365d", "COST", 4)
        # The first that ends may have begun before that.
        for _ in range(2):
            before = state_of()
            weir_process.wait_until(lambda: state_of() != before, "a save")
        weir.kill()
        weir, client = start()
        self.assertEqual(client.command("LIMIT.PEEK", "k", "RATE", "10/365d")[1], 6)


if __name__ == "__main__":
    with open(sys.argv.pop(2), encoding="utf-8") as page:
        PAGE = page.read()
    WEIR = sys.argv.pop(1)
    unittest.main(verbosity=2)
