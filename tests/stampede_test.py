#!/usr/bin/python3
"""Goal: 10 000 concurrent misses of one key, over sockets, are one read of the store.

Method: the key is stored, and the server restarted so that it is not cached. While the server is
stopped by SIGSTOP every client sends its GET; all are in the sockets' buffers when it goes on.
The store's own counter of keys loaded is read before and after.

    stampede_test.py WEIR
"""

import os
import selectors
import signal
import sys
import time
import unittest

import weir_process

WEIR = ""
REQUESTS = 10_000
CONNECTIONS_MIN = 500
SPARE_DESCRIPTORS = 200  # For all else that this process and the server have open.
VALUE = b"v" * 100
GET = weir_process.encode("GET", "key")
FOUND = b"$100\r\n" + VALUE + b"\r\n"
ABSENT = b"$-1\r\n"


def loads(server):
    return sum(value for name, value in server.metrics().items()
               if name.startswith("weir_store_load_keys_total"))


def read_all(clients, expected):
    """Reads `expected` from every client; returns how many sent something else."""
    selector = selectors.DefaultSelector()
    received = {}
    for client in clients:
        client.socket.setblocking(False)
        received[client] = b""
        selector.register(client.socket, selectors.EVENT_READ, client)
    deadline = time.monotonic() + weir_process.DEADLINE_SECONDS
    wrong = 0
    while selector.get_map():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(selector.get_map())} clients wait for replies")
        for ready, _ in selector.select(1):
            client = ready.data
            data = client.socket.recv(1 << 16)
            received[client] += data
            if not data or len(received[client]) >= len(expected):
                wrong += received[client] != expected
                selector.unregister(client.socket)
    return wrong


class Stampede(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        allowed = weir_process.raise_descriptor_limit(REQUESTS + SPARE_DESCRIPTORS)
        connections = min(REQUESTS, allowed - SPARE_DESCRIPTORS)
        self.assertGreaterEqual(connections, CONNECTIONS_MIN,
                                "raise `ulimit -n`: the test needs this many connections")
        self.each = -(-REQUESTS // connections)  # Requests of a connection.
        self.connections = -(-REQUESTS // self.each)

    def start(self):
        server = weir_process.Weir(WEIR, self.directory, "--max-clients", REQUESTS + 100)
        self.addCleanup(server.kill)
        return server

    def stampede(self, server, expected):
        """Returns how many keys the store was asked for, and how many reads joined a load."""
        clients = [server.client() for _ in range(self.connections)]
        try:
            weir_process.wait_until(
                lambda: server.metrics()["redis_connected_clients"] == self.connections,
                "the server has accepted all clients")
            before, joined = loads(server), server.metrics()["weir_loads_joined_total"]
            server.signal(signal.SIGSTOP)
            for client in clients:
                client.send(GET * self.each)
            server.signal(signal.SIGCONT)
            self.assertEqual(read_all(clients, expected * self.each), 0)
            after = server.metrics()
            hits = after["redis_keyspace_hits_total"]
            print(f"{self.connections} connections, {self.connections * self.each} requests: "
                  f"{loads(server) - before:.0f} keys loaded, "
                  f"{after['weir_loads_joined_total'] - joined:.0f} joined, {hits:.0f} hits",
                  file=sys.stderr)
            return loads(server) - before
        finally:
            for client in clients:
                client.close()

    def test_ten_thousand_misses_of_a_stored_key_are_one_load(self):
        server = self.start()
        with server.client() as client:
            self.assertEqual(client.command("SET", "key", VALUE), b"OK")
        self.assertEqual(server.stop(), 0)
        server = self.start()
        self.assertEqual(self.stampede(server, FOUND), 1)

    def test_ten_thousand_misses_of_an_absent_key_are_one_load(self):
        self.assertEqual(self.stampede(self.start(), ABSENT), 1)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
