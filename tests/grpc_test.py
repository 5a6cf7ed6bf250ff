#!/usr/bin/python3
"""Goal: a stock Envoy can call weir: by the published messages it is answered as its reference
service answers, by the same decisions as POST /json, and whoever sends nonsense is told so.

Method: clients that know what Envoy publishes and nothing of weir (rate_limit_service.py) ask a
real weir by the rules of docs/limits.md and by others; the same random requests go to both edges.

    grpc_test.py WEIR_WITH_GRPC WEIR PAGE
"""

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import unittest

import grpc
import rate_limit_service as rls
import weir_process
from rate_limit_service import NOT_SERVING, SERVING, descriptor, request

WEIR = WITHOUT_GRPC = PAGE = ""
TOKEN = "a-token-of-some-length"
SEED = 20261127
KEPT_MAX = 1 << 20  # RateLimitServer::kMessageBytesMax.

RULES = """
domain: shop
descriptors:
  - key: user
    rate_limit: {unit: year, requests_per_unit: 3, name: per_user}
    descriptors:
      - key: page
        value: free
        rate_limit: {unlimited: true}
      - key: page
        value: api*
        rate_limit: {unit: year, requests_per_unit: 2}
      - key: page
        rate_limit: {unit: day, requests_per_unit: 50, name: per_page}
  - key: tenant
    rate_limit: {unit: month, requests_per_unit: 9}
  - key: tried
    shadow_mode: true
    rate_limit: {unit: year, requests_per_unit: 1}
  - key: banned
    rate_limit: {unit: week, requests_per_unit: 0}
  - key: vip
    rate_limit: {unlimited: true, replaces: [{name: per_user}, {name: per_page}]}
"""
YEAR = 365 * 86400
UNLIMITED = ["OK", 2**32 - 1]


def example(holds):
    found, = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
              if holds in block]
    return found


class Grpc(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name

    def start(self, *flags, rules=RULES, port=0, name="weir"):
        """Starts a weir with these rules; returns it and the ports of gRPC and of HTTP."""
        path = os.path.join(self.folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(rules)
        weir = weir_process.Weir(
            WEIR, os.path.join(self.folder, name), "--store", "memory", "--check", "127.0.0.1:0",
            "--check-grpc", f"127.0.0.1:{port}", "--check-rules", path, *flags)
        self.addCleanup(weir.kill)

        def ports():
            return re.search(r'"answering checks" check=\S+:(\d+)(?s:.*)'
                             r'"answering Envoy" check_grpc=\S+:(\d+)', weir.log())
        found = weir_process.wait_until(ports, "it answers")
        return weir, int(found[2]), int(found[1])

    def client(self, port):
        client = rls.Client(port)
        self.addCleanup(client.close)
        return client

    def assert_refused(self, code, words, call):
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        self.assertIn(words, raised.exception.details())

    def test_statuses_are_in_order_and_tell_the_limit(self):
        _, port, _ = self.start()
        client = self.client(port)
        asked = request("shop", descriptor(("tenant", "a")), descriptor(("none", "x")),
                        descriptor(("user", "7")), descriptor(("user", "7"), ("page", "free")),
                        descriptor(("user", "7"), ("page", "api/x")))
        code, statuses = client.should_rate_limit(asked)
        self.assertEqual(code, "OK")
        tenant, none, user, free, page = statuses
        self.assertEqual(tenant[:5], ["OK", "", 9, "MONTH", 8])
        self.assertAlmostEqual(tenant[5], 30 * 86400 / 9, delta=1)
        self.assertEqual((none, free), (["OK"], UNLIMITED))
        self.assertEqual(user[:5], ["OK", "per_user", 3, "YEAR", 2])
        self.assertEqual(page[:5], ["OK", "", 2, "YEAR", 1])
        self.assertEqual(client.should_rate_limit(asked)[0], "OK")
        # The page refuses, and the others are not charged for it.
        code, statuses = client.should_rate_limit(asked)
        self.assertEqual(code, "OVER_LIMIT")
        self.assertEqual([one[0] for one in statuses], ["OK", "OK", "OK", "OK", "OVER_LIMIT"])
        self.assertEqual(statuses[4][:5], ["OVER_LIMIT", "", 2, "YEAR", 0])
        self.assertAlmostEqual(statuses[4][5], YEAR, delta=30)
        self.assertEqual(statuses[0][4], 7)

    def test_shadow_nothing_replaced_and_unknown(self):
        _, port, _ = self.start()
        ask = self.client(port).should_rate_limit
        for remaining in (0, 0):
            code, statuses = ask(request("shop", descriptor(("tried", "x"))))
            self.assertEqual((code, statuses[0][:5]), ("OK", ["OK", "", 1, "YEAR", remaining]))
        banned = request("shop", descriptor(("banned", "x")), descriptor(("user", "b")))
        code, statuses = ask(banned)
        self.assertEqual((code, statuses[0]), ("OVER_LIMIT", ["OVER_LIMIT", "", 0, "WEEK", 0, 0]))
        for _ in range(5):
            self.assertEqual(ask(request("shop", descriptor(("user", "v")),
                                         descriptor(("vip", "v")))),
                             ("OK", [["OK"], UNLIMITED]))
        override = descriptor(("user", "7"), limit=(1, "HOUR"))
        self.assertEqual(ask(request("elsewhere", override)), ("OK", [["OK"]]))
        self.assertEqual(ask(request("shop", override))[1][0][:5], ["OK", "", 1, "HOUR", 0])
        self.assertEqual(ask(request("shop", override))[0], "OVER_LIMIT")

    def test_hits_are_of_the_request_or_of_the_descriptor(self):
        _, port, _ = self.start()
        ask = self.client(port).should_rate_limit

        def remaining(*descriptors, **options):
            return [one[4] for one in ask(request("shop", *descriptors, **options))[1]]
        self.assertEqual(remaining(descriptor(("user", "1")), descriptor(("tenant", "1"), hits=4),
                                   hits=2), [1, 5])
        self.assertEqual(remaining(descriptor(("user", "1"), hits=0)), [1])
        self.assertEqual(remaining(descriptor(("user", "1"))), [0])
        most = request("shop", descriptor(("tenant", "1"), hits=2**64 - 1),
                       descriptor(("tenant", "1"), hits=2**64 - 1))
        self.assertEqual(ask(most)[0], "OVER_LIMIT")

    def test_what_was_used_is_charged_whatever_is_left(self):
        """As Envoy asks where a cost is known at a request's end: it looks, then says the cost."""
        _, port, _ = self.start()
        ask = self.client(port).should_rate_limit
        look = request("shop", descriptor(("user", "1"), hits=0))
        self.assertEqual(ask(look)[1][0][:5], ["OK", "per_user", 3, "YEAR", 3])
        used = request("shop", descriptor(("user", "1"), hits=2),
                       descriptor(("tenant", "1"), hits=1), descriptor(("user", "2")))
        self.assertEqual(ask(used)[0], "OK")
        self.assertEqual(ask(look)[1][0][:5], ["OK", "per_user", 3, "YEAR", 1])
        code, statuses = ask(used)
        self.assertEqual((code, [one[0] for one in statuses]),
                         ("OVER_LIMIT", ["OVER_LIMIT", "OK", "OK"]))
        self.assertEqual([one[4] for one in statuses], [0, 7, 2])
        self.assertAlmostEqual(statuses[0][5], 4 / 3 * YEAR, delta=30)
        # Whoever finds nothing left when it looks charges nobody else.
        code, statuses = ask(request("shop", descriptor(("user", "1"), hits=0),
                                     descriptor(("tenant", "1"))))
        self.assertEqual((code, statuses[0][:5]),
                         ("OVER_LIMIT", ["OVER_LIMIT", "per_user", 3, "YEAR", 0]))
        self.assertEqual(statuses[1][4], 7)
        self.assertAlmostEqual(statuses[0][5], 4 / 3 * YEAR, delta=30)

    def test_both_edges_decide_the_same(self):
        """Two servers see the same random requests, one by each edge."""
        chance = random.Random(SEED)
        _, port, _ = self.start(name="grpc")
        _, _, json_port = self.start(name="json")
        client = self.client(port)
        page = http.client.HTTPConnection("127.0.0.1", json_port,
                                          timeout=weir_process.DEADLINE_SECONDS)
        self.addCleanup(page.close)
        codes = {"OK": 0, "OVER_LIMIT": 0, "INVALID_ARGUMENT": 0}
        for _ in range(1500):
            domain, hits, descriptors = random_request(chance)
            try:
                told = client.should_rate_limit(request(domain, *descriptors, hits=hits))
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
                told = ("INVALID_ARGUMENT", error.details())
            page.request("POST", "/json", json.dumps(json_of(domain, hits, descriptors)))
            answer = page.getresponse()
            body = answer.read().decode()
            codes[told[0]] += 1
            if told[0] == "INVALID_ARGUMENT":
                self.assertEqual((answer.status, body), (400, told[1] + "\n"))
                continue
            self.assertEqual(answer.status, 429 if told[0] == "OVER_LIMIT" else 200)
            same = shown_json(json.loads(body))
            self.assertEqual([one[:5] for one in told[1]], [one[:5] for one in same[1]],
                             (domain, hits, descriptors))
            for one, other in zip(told[1], same[1]):  # The two clocks differ by what lies between.
                if len(one) > 2:
                    self.assertAlmostEqual(one[5], other[5], delta=weir_process.DEADLINE_SECONDS)
        self.assertTrue(all(count > 50 for count in codes.values()), codes)

    def test_nonsense_is_refused_and_charges_nothing(self):
        _, port, _ = self.start()
        client = self.client(port)
        ask = client.should_rate_limit
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        user = descriptor(("user", "7"))
        for words, asked in (
                ("domain must not be empty", request("", user)),
                ("descriptor list must not be empty", request("shop")),
                ("an entry has no key", request("shop", user, descriptor(("", "x")))),
                ("unit is not known", request("shop", user, descriptor(("user", "8"),
                                                                       limit=(1, "UNKNOWN")))),
                ("at most 8 limits", request("shop", *[descriptor(("user", str(i)))
                                                       for i in range(9)])),
                ("at most 8 limits", request("shop", *[descriptor(("user", str(i)))
                                                       for i in range(20000)]))):
            self.assert_refused(invalid, words, lambda asked=asked: ask(asked))
        # Within the first descriptor a field that nobody knows: number 100, of value 1.
        unknown = request("shop", user).SerializeToString()
        at = len("shop") + 3
        unknown = unknown[:at] + bytes((unknown[at] + 3,)) + unknown[at + 1:] + b"\xa0\x06\x01"
        self.assert_refused(invalid, "a field that weir does not know", lambda: ask(unknown))
        self.assert_refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max", lambda: ask(
            request("shop", descriptor(("user", "x" * 10_000_000)))))
        # What grpc++ says of bytes that are no message.
        self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, "", lambda: ask(b"\xff\xff\xff"))
        self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, "", lambda: client.call(
            f"/{rls.SERVICE}/Other", request("shop", user), "RateLimitResponse"))
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while other.recv(4096):
                pass
        self.assertEqual(ask(request("shop", user))[1][0][4], 2)

    def test_what_headers_may_hold_is_limited(self):
        """No UTF-8, zeros, nothing, and as long as Envoy allows."""
        _, port, _ = self.start()
        ask = self.client(port).should_rate_limit
        long = b"x" * (60 << 10)
        for value in (b"\xff\xfe", b"\0", b"", long, b"y" + long):
            one = descriptor((b"user", value))
            for expected in ("OK", "OK", "OK", "OVER_LIMIT"):
                self.assertEqual(ask(request("shop", one, messages=rls.MESSAGES_OF_BYTES))[0],
                                 expected, value[:3])
        eight = [descriptor((b"tenant", long + bytes((i,)))) for i in range(8)]
        self.assertEqual(ask(request("shop", *eight, messages=rls.MESSAGES_OF_BYTES))[0], "OK")
        self.assertLess(8 * len(long), KEPT_MAX)

    def test_a_token_guards_everything_but_health(self):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TOKEN + "\n")
        _, port, _ = self.start("--check-token-file", path)
        client = self.client(port)
        asked = request("shop", descriptor(("user", "7")))
        for metadata in ((), (("authorization", f"Bearer {TOKEN}x"),), (("authorization", TOKEN),)):
            self.assert_refused(grpc.StatusCode.UNAUTHENTICATED, "a token is needed",
                                lambda m=metadata: client.should_rate_limit(asked, metadata=m))
        told = client.should_rate_limit(asked, metadata=(("authorization", f"Bearer {TOKEN}"),))
        self.assertEqual(told[1][0][4], 2)
        self.assertEqual(client.health(), SERVING)

    def test_a_call_whose_deadline_has_passed_charges_nothing(self):
        _, port, _ = self.start()
        asked = request("shop", descriptor(("user", "7")))
        with socket.create_connection(("127.0.0.1", port),
                                      timeout=weir_process.DEADLINE_SECONDS) as late:
            late.sendall(rls.raw_call("1n"))
            self.assertTrue(ends_stream(late))
            late.sendall(rls.raw_message(asked))
        self.assertEqual(self.client(port).should_rate_limit(asked)[1][0][4], 2)
        with socket.create_connection(("127.0.0.1", port),
                                      timeout=weir_process.DEADLINE_SECONDS) as early:
            early.sendall(rls.raw_call("1H") + rls.raw_message(asked))
            self.assertTrue(ends_stream(early))
        self.assertEqual(self.client(port).should_rate_limit(asked)[1][0][4], 0)

    def test_health_and_a_stop_during_calls(self):
        """Clients call on while it stops, one has sent half of its call; another weir follows."""
        weir, port, _ = self.start("--drain-timeout", "100ms")
        client = self.client(port)
        for service in ("", "ratelimit", rls.SERVICE):
            self.assertEqual(client.health(service), SERVING)
        self.assert_refused(grpc.StatusCode.NOT_FOUND, "", lambda: client.health("other"))
        states = client.watch_health()
        self.assertEqual(next(states), SERVING)
        half = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(half.close)
        half.sendall(rls.raw_call("1H"))
        ended, answered = [], threading.Semaphore(0)

        def call(number):
            caller = self.client(port)
            try:
                while True:
                    caller.should_rate_limit(request("shop", descriptor(("tenant", f"{number}"))))
                    answered.release()
            except grpc.RpcError as error:
                ended.append(error.code())
        threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(200):
            answered.acquire()
        self.assertEqual(weir.stop(), 0)
        for thread in threads:
            thread.join()
        self.assertLessEqual(set(ended), {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
        self.assertEqual(next(states), NOT_SERVING)
        self.start(port=port, name="second")
        told = client.should_rate_limit(request("shop", descriptor(("user", "7"))),
                                        wait_for_ready=True)
        self.assertEqual(told[0], "OK")

    def test_the_rules_of_the_page_limit_what_its_envoy_asks(self):
        _, port, _ = self.start(rules=example("requests_per_unit"))
        self.assertIn("domain: shop", example("envoy.filters.http.ratelimit"))
        ask = self.client(port).should_rate_limit
        asked = request("shop", descriptor(("remote_address", "10.0.0.7")))
        codes = [ask(asked)[0] for _ in range(4)]
        self.assertEqual(codes, ["OK", "OK", "OK", "OVER_LIMIT"])

    def test_a_port_that_is_taken_is_named(self):
        _, port, _ = self.start()
        with self.assertRaises(RuntimeError) as raised:
            self.start(port=port, name="second")
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", str(raised.exception))

    def test_a_weir_without_grpc_says_what_to_do(self):
        path = os.path.join(self.folder, "weir.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[server]\ncheck_grpc = "127.0.0.1:6393"\ncheck_rules = ["rules.yaml"]\n')
        done = subprocess.run([WITHOUT_GRPC, "check", path], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("weir.toml:2:14: server.check_grpc: needs a weir with gRPC", done.stderr)
        done = subprocess.run([WEIR, "check", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('check_grpc = "127.0.0.1:6393"', done.stdout)


def ends_stream(connection):
    """Whether the server ends stream 1, by its trailers or a reset, before it closes."""
    with connection.makefile("rb") as stream:
        while True:
            head = stream.read(9)
            if len(head) < 9:
                return False
            stream.read(int.from_bytes(head[:3], "big"))
            if int.from_bytes(head[5:], "big") == 1 and (head[3] == 3 or head[4] & 1):
                return True


def random_request(chance):
    """Domain, hits and descriptors, mostly of RULES."""
    def one():
        entries = [(chance.choice(["user"] * 4 + ["tenant", "tried", "banned", "vip", "no"]),
                    chance.choice("abcdefgh"))]
        while chance.random() < 0.3:
            entries.append((chance.choice(["page", "page", "user", ""]),
                            chance.choice(["free", "api1", "api2", "x", ""])))
        limit = None
        if chance.random() < 0.1:
            limit = (chance.choice([0, 1, 5]), chance.choice(rls.UNITS))
        return descriptor(*entries, limit=limit,
                          hits=chance.choice([None] * 5 + [0, 1, 2, 2**64 - 1]))
    domain = chance.choice(["shop"] * 20 + ["", "other"])
    count = chance.choice([0] + [1, 2, 3] * 5 + [10])
    return domain, chance.choice([0] * 5 + [1, 2]), [one() for _ in range(count)]


def json_of(domain, hits, descriptors):
    """The request in the JSON of protocol buffers."""
    shown = []
    for one in descriptors:
        shown.append({"entries": [{"key": key, "value": value} for key, value in one["entries"]]})
        if one["limit"] is not None:
            shown[-1]["limit"] = {"requestsPerUnit": one["limit"][0], "unit": one["limit"][1]}
        if one["hits"] is not None:
            shown[-1]["hitsAddend"] = str(one["hits"])
    return {"domain": domain, "descriptors": shown, "hitsAddend": hits}


def shown_json(response):
    """As rate_limit_service.shown, of an answer in JSON."""
    statuses = []
    for status in response["statuses"]:
        one = [status["code"]]
        if "currentLimit" in status:
            limit = status["currentLimit"]
            one += [limit.get("name", ""), limit.get("requestsPerUnit", 0), limit["unit"],
                    status.get("limitRemaining", 0), int(status["durationUntilReset"][:-1])]
        elif "limitRemaining" in status:
            one.append(status["limitRemaining"])
        statuses.append(one)
    return response["overallCode"], statuses


if __name__ == "__main__":
    with open(sys.argv.pop(3), encoding="utf-8") as page_file:
        PAGE = page_file.read()
    WITHOUT_GRPC = sys.argv.pop(2)
    WEIR = sys.argv.pop(1)
    unittest.main(verbosity=2)
