#!/usr/bin/python3
"""Goal: client libraries and tools that people use with Redis work with weir unchanged.

Method: every client of the table plays every scenario of clients/scenarios.json, in each protocol
that it speaks. clients/scenario.py tells how. The scenarios are held against redis-server too, by
redis-cli, so that they say what Redis does. docs/clients.md is the table. No client may be missing.

    client_scenarios_test.py WEIR HIREDIS_DRIVER REDIGO_DRIVER CLIENTS_MD
    client_scenarios_test.py --table
"""

import os
import random
import socket
import sys
import tempfile
import unittest
from dataclasses import dataclass

import weir_process
from clients import scenario

WEIR = HIREDIS = REDIGO = CLIENTS_MD = ""


@dataclass(frozen=True)
class Client:
    name: str
    source: str
    command: list  # Of its driver.
    protocols: tuple = (2,)
    tls: bool = True


def clients():
    return [
        Client("redis-cli 7.0", "`redis-tools`", ["/usr/bin/python3", "redis_cli.py"], (2, 3)),
        Client("redis-py 4.3", "`python3-redis`", ["/usr/bin/python3", "redis_py.py"]),
        Client("ioredis 6.0", "npm", ["node", "javascript.js", "ioredis"], (2, 3)),
        Client("node-redis 6.3", "npm", ["node", "javascript.js", "redis"], (2, 3)),
        Client("hiredis 0.14", "`libhiredis-dev`", [HIREDIS], tls=False),
        Client("php-redis 5.3", "`php-redis`", ["php", "php_redis.php"]),
        Client("ruby-redis 4.8", "`ruby-redis`", ["ruby", "ruby_redis.rb"]),
        Client("redigo 1.8", "`golang-github-gomodule-redigo-dev`", [REDIGO]),
    ]


def table():
    rows = ["| client | from | RESP2 | RESP3 |", "| --- | --- | --- | --- |"]
    for client in clients():
        cells = ["yes" if protocol in client.protocols else "-" for protocol in (2, 3)]
        rows.append(f"| {client.name} | {client.source} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def unused_port():
    """Returns a port that stays ours over a restart: below those that the system gives away."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Scenarios(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.port = unused_port()
        self.server = None
        self.start()

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB",
                                        listen=f"127.0.0.1:{self.port}")
        self.addCleanup(self.server.kill)

    def restart(self):
        self.assertEqual(self.server.stop(), 0, self.server.log())
        self.start()

    def play_all(self, command, port, protocol, restart):
        with tempfile.TemporaryFile("w+") as errors, scenario.Player(
                [*command, str(port), str(protocol), "", "", ""], restart, errors) as player:
            for played in scenario.load():
                player.play(played)
            self.assertEqual(player.finish(), 0)

    def test_redis_itself(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        server = weir_process.Redis(os.path.join(scratch.name, "redis"))
        self.addCleanup(server.kill)
        for protocol in (2, 3):
            with server.client() as client:
                client.command("FLUSHALL")
            self.play_all(["/usr/bin/python3", "redis_cli.py"], server.port, protocol,
                          lambda: None)

    def test_the_document_has_the_table(self):
        with open(CLIENTS_MD, encoding="utf-8") as file:
            self.assertIn("\n" + table(), file.read(), "put in what --table prints")


def add_tests():
    for client in clients():
        for protocol in client.protocols:
            def play(self, client=client, protocol=protocol):
                self.play_all(client.command, self.port, protocol, self.restart)
            name = client.name.split()[0].replace("-", "_")
            setattr(Scenarios, f"test_{name}_in_resp{protocol}", play)


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
    else:
        WEIR, HIREDIS, REDIGO, CLIENTS_MD = (os.path.abspath(name) for name in sys.argv[1:5])
        add_tests()
        unittest.main(argv=sys.argv[:1] + sys.argv[5:])
