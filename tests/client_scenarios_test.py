#!/usr/bin/python3
"""Goal: client libraries and tools that people use with Redis work with weir unchanged.

Method: every client of the table plays every scenario of clients/scenarios.json, in each protocol
that it speaks, over one kind of connection. clients/scenario.py tells how. The
scenarios are held against redis-server too, by redis-cli, so that they say what Redis does.
docs/clients.md is the table. No client may be missing.

    client_scenarios_test.py WEIR HIREDIS_DRIVER REDIGO_DRIVER CLIENTS_MD plain|auth|tls|tls_auth
    client_scenarios_test.py --table
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass

import weir_process
from clients import scenario

WEIR = HIREDIS = REDIGO = CLIENTS_MD = ""
USER, PASSWORD = "app", "open, sesame"


@dataclass(frozen=True)
class Client:
    name: str
    source: str
    command: list  # Of its driver.
    protocols: tuple = (2,)
    tls: bool = True

    def connects(self, kind):
        return self.tls or "tls" not in kind


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
    head = ["client", "from", "RESP2", "RESP3", "AUTH", "TLS"]
    rows = [head, ["---"] * len(head)]
    for client in clients():
        can = [2 in client.protocols, 3 in client.protocols, True, client.tls]
        rows.append([client.name, client.source, *("yes" if each else "-" for each in can)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def make_certificate(directory):
    """Returns the names of a certificate for localhost, its own authority, and of its key."""
    names = [os.path.join(directory, name) for name in ("cert.pem", "key.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-out", names[0], "-keyout", names[1]],
        check=True, capture_output=True)
    return names


def unused_port():
    """Returns a port that stays ours over a restart: below those that the system gives away."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def hash_line():
    return subprocess.run([WEIR, "user", "hash"], input=PASSWORD + "\n", capture_output=True,
                          text=True, check=True).stdout


class Connection(unittest.TestCase):
    """One kind of connection to a server that can be restarted."""

    kind = "plain"

    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.port = unused_port()
        self.authority = ""
        address = f"127.0.0.1:{self.port}"
        self.listen, self.flags, self.config = address, [], ""
        self.user = ("", "")
        if "auth" in self.kind:
            self.user = (USER, PASSWORD)
            self.config = f'[[user]]\nname = "{USER}"\n{hash_line()}rights = ["read", "write"]\n'
        if "tls" in self.kind:
            self.authority, key = make_certificate(scratch.name)
            self.listen = "127.0.0.1:0"
            self.flags = ["--tls-listen", address, "--tls-cert", self.authority, "--tls-key", key]
        self.server = None
        self.start()

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB", *self.flags,
                                        listen=self.listen, config=self.config)
        self.addCleanup(self.server.kill)

    def restart(self):
        self.assertEqual(self.server.stop(), 0, self.server.log())
        self.start()

    def play(self, client, protocol):
        play_all([*client.command, str(self.port), str(protocol), self.authority, *self.user],
                 self.restart)

    def play_benchmark(self, protocol):
        """redis-benchmark plays its own load."""
        options = ["-3"] if protocol == 3 else []
        if self.authority:
            options += ["--tls", "--cacert", self.authority]
        if self.user[0]:
            options += ["--user", USER, "-a", PASSWORD]
        done = subprocess.run(
            ["redis-benchmark", "-h", "localhost", "-p", str(self.port), *options, "-t", "set,get",
             "-P", "16", "-n", "20000", "-d", "100", "-r", "1000", "-q"],
            capture_output=True, text=True, timeout=weir_process.DEADLINE_SECONDS, check=True)
        for name in ("SET", "GET"):
            self.assertRegex(done.stdout, rf"(?m){name}: [0-9.]+ requests per second")


def play_all(command, restart):
    with tempfile.TemporaryFile("w+") as errors, scenario.Player(command, restart,
                                                                 errors) as player:
        for played in scenario.load():
            player.play(played)
        if player.finish() != 0:
            raise AssertionError(f"{command[:3]} ended with an error")


class Reference(unittest.TestCase):
    def test_redis_itself(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        server = weir_process.Redis(os.path.join(scratch.name, "redis"))
        self.addCleanup(server.kill)
        for protocol in (2, 3):
            with server.client() as client:
                client.command("FLUSHALL")
            play_all(["/usr/bin/python3", "redis_cli.py", str(server.port), str(protocol), "", "",
                      ""], lambda: None)

    def test_the_document_has_the_table(self):
        with open(CLIENTS_MD, encoding="utf-8") as file:
            self.assertIn("\n" + table(), file.read(), "put in what --table prints")


def add_tests(kind):
    Connection.kind = kind
    for protocol in (2, 3):
        setattr(Connection, f"test_redis_benchmark_in_resp{protocol}",
                lambda self, protocol=protocol: self.play_benchmark(protocol))
    for client in (client for client in clients() if client.connects(kind)):
        for protocol in client.protocols:
            name = client.name.split()[0].replace("-", "_")
            setattr(Connection, f"test_{name}_in_resp{protocol}",
                    lambda self, client=client, protocol=protocol: self.play(client, protocol))


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
    else:
        WEIR, HIREDIS, REDIGO, CLIENTS_MD = (os.path.abspath(name) for name in sys.argv[1:5])
        add_tests(sys.argv[5])
        unittest.main(argv=sys.argv[:1] + sys.argv[6:])
