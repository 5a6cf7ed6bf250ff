#!/usr/bin/python3
"""Goal: plain clients get what any node serves through any node, with their own rights, and are
told the truth when the node that serves a key is killed or stands still; nobody else suffers.

Method: three real processes of one list that share a secret; raw sockets that follow no MOVED.

    forwarding_test.py WEIR
"""

import os
import signal
import subprocess
import sys
import threading
import unittest

import nodes_test
import weir_process

WEIR = ""
SECRET = "0123456789abcdef0123456789abcdef"


class Forwarding(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.ports = nodes_test.free_ports(3)

    def start(self, number, secret=SECRET, more=""):
        config = f'[server]\npeer_secret = "{secret}"\n' + nodes_test.list_of(self.ports) + more
        node = weir_process.Weir(
            WEIR, os.path.join(self.folder, f"n{number}"), "--node", f"n{number}", "--memory",
            "64MiB", *weir_process.PATIENT, config=config,
            listen=f"127.0.0.1:{self.ports[number - 1]}")
        self.addCleanup(node.kill)
        return node

    def start_all(self, **options):
        return [self.start(number, **options) for number in (1, 2, 3)]

    def client(self, node):
        client = node.client()
        self.addCleanup(client.close)
        return client

    @staticmethod
    def key_of(client, number, name="key"):
        """A key that node `number` serves."""
        low, high = [(0, 4096), (4096, 8192), (8192, 16384)][number - 1]
        return next(key for key in (f"{name}:{i}" for i in range(10000))
                    if low <= client.command("CLUSTER", "KEYSLOT", key) < high)

    # CLUSTER says that a client speaks the protocol of clusters, which is then told MOVED.
    def keys(self, node, name="key"):
        with node.client() as cluster:
            return [self.key_of(cluster, number, name) for number in (1, 2, 3)]

    def test_any_node_answers_for_all(self):
        nodes = self.start_all()
        keys = self.keys(nodes[0])
        clients = [self.client(node) for node in nodes]
        for writer in clients:
            for key in keys:
                self.assertEqual(writer.command("SET", key, "v" * 100_000), b"OK")
                for reader in clients:
                    self.assertEqual(reader.command("GET", key), b"v" * 100_000)
                self.assertEqual(writer.command("DEL", key), 1)
        commands = [("INCR", keys[i % 3]) for i in range(300)]
        self.assertEqual(clients[0].pipeline(commands), [i // 3 + 1 for i in range(300)])

    def test_a_killed_node_is_told_of_truthfully_and_heals(self):
        nodes = self.start_all()
        keys = self.keys(nodes[0], "count")
        key, near = keys[2], keys[1]
        client, other = self.client(nodes[0]), self.client(nodes[0])
        self.assertEqual(client.command("SET", key, 0), b"OK")
        added = unknown = 0
        wrong = []
        stop = threading.Event()

        def count():
            nonlocal added, unknown
            while not stop.is_set():
                for reply in client.pipeline([("INCR", key)] * 20):
                    if isinstance(reply, int):
                        added += 1
                    elif reply.startswith(b"UNKNOWN"):
                        unknown += 1
                    elif not reply.startswith((b"CLUSTERDOWN", b"LOADING", b"OVERLOADED")):
                        wrong.append(reply)

        for _ in range(3):
            stop.clear()
            thread = threading.Thread(target=count)
            thread.start()
            before = added
            weir_process.wait_until(lambda before=before: added > before + 100, "increments")
            nodes[2].expect_signal()
            nodes[2].signal(signal.SIGKILL)
            nodes[2].wait()
            weir_process.wait_until(
                lambda: (other.command("GET", key) or b"").startswith(b"CLUSTERDOWN"), "it is down")
            self.assertEqual(other.command("SET", near, "v"), b"OK")
            nodes[2] = self.start(3)
            before = added
            weir_process.wait_until(lambda before=before: added > before + 100, "it heals")
            stop.set()
            thread.join()
        self.assertEqual(wrong, [])
        total = int(client.command("GET", key))
        self.assertGreaterEqual(total, added)
        self.assertLessEqual(total, added + unknown)

    def test_a_node_that_stands_still_holds_up_nobody_else(self):
        nodes = self.start_all()
        keys = self.keys(nodes[0])
        stuck, other = self.client(nodes[0]), self.client(nodes[0])
        self.assertEqual(stuck.command("SET", keys[2], "v"), b"OK")
        nodes[2].signal(signal.SIGSTOP)
        try:
            stuck.send(weir_process.encode("SET", keys[2], "w"))
            for i in range(200):
                self.assertEqual(other.command("SET", keys[1], i), b"OK")
            self.assertTrue(stuck.read().startswith(b"UNKNOWN"))
            weir_process.wait_until(
                lambda: other.command("GET", keys[2]).startswith(b"CLUSTERDOWN"), "it is given up")
        finally:
            nodes[2].signal(signal.SIGCONT)
        weir_process.wait_until(lambda: other.command("GET", keys[2]) in (b"v", b"w"), "it heals")

    def test_another_secret_forwards_nothing(self):
        nodes = [self.start(1), self.start(2), self.start(3, secret="another secret, as long")]
        keys = self.keys(nodes[0])
        client = self.client(nodes[0])
        self.assertEqual(client.command("SET", keys[1], "v"), b"OK")
        reply = client.command("SET", keys[2], "v")
        self.assertRegex(reply.decode(), "^CLUSTERDOWN .*peer_secret")

    def test_a_user_has_its_own_rights_everywhere(self):
        done = subprocess.run([WEIR, "user", "hash"], input="secret\n", capture_output=True,
                              text=True, timeout=60, check=True)
        users = "".join(f'[[user]]\nname = "{name}"\n{done.stdout}{more}' for name, more in
                        (("default", 'rights = ["read", "write", "admin"]\n'),
                         ("reader", 'rights = ["read"]\n'),
                         ("ann", 'key_prefixes = ["ann:"]\n')))
        nodes = self.start_all(more=users)
        with nodes[0].client() as cluster:
            self.assertEqual(cluster.command("AUTH", "secret"), b"OK")
            key, own = self.key_of(cluster, 3), self.key_of(cluster, 3, "ann")
        clients = {}
        for name in ("default", "reader", "ann"):
            clients[name] = self.client(nodes[0])
            self.assertEqual(clients[name].command("AUTH", name, "secret"), b"OK")
        self.assertEqual(clients["default"].command("SET", key, "v"), b"OK")
        self.assertEqual(clients["reader"].command("GET", key), b"v")
        self.assertTrue(clients["reader"].command("SET", key, "v").startswith(b"NOPERM"))
        self.assertTrue(clients["ann"].command("GET", key).startswith(b"NOPERM"))
        self.assertEqual(clients["ann"].command("SET", own, "v"), b"OK")
        with nodes[0].client() as nobody:
            self.assertTrue(nobody.command("GET", key).startswith(b"NOAUTH"))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
