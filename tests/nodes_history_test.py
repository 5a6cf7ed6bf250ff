#!/usr/bin/python3
"""Goal: whatever happens to one of three nodes, what clients were told of each key is one history,
and the other nodes go on.

Method: the clients and checks of live_history_test.py, by connections that follow MOVED, and by
plain ones to any node, which forwards, while a node after another is killed and started anew, or
stopped and let go on. A planted fault shows that the check can fail.

    nodes_history_test.py WEIR
"""

import os
import signal
import sys
import time
import unittest

import live_history_test
import nodes_test
import weir_process
import zones

WEIR = ""


class ClusterClient:
    """Connections to all nodes, made as they are needed."""

    def __init__(self, ports, timeout):
        self.ports, self.timeout = ports, timeout
        self.at, self.clients = ports[0], {}

    def close(self):
        for client in self.clients.values():
            client.close()

    def command(self, *words):
        reply = self.ask(words)
        if isinstance(reply, weir_process.ErrorReply) and reply.startswith(b"MOVED "):
            self.at = int(reply.rsplit(b":", 1)[1])
            reply = self.ask(words)
        return reply

    def ask(self, words):
        if self.at not in self.clients:
            try:
                self.clients[self.at] = weir_process.Client(self.at, timeout=self.timeout)
                self.clients[self.at].command("READONLY")  # So it is told MOVED.
            except ConnectionRefusedError:  # So nothing was sent. Ask the next node.
                self.at = self.ports[(self.ports.index(self.at) + 1) % len(self.ports)]
                return weir_process.ErrorReply(b"ERR the node is away")
        return self.clients[self.at].command(*words)


class Workload(live_history_test.Workload):
    # A node that starts asks the others first, and does nothing until then.
    EXPECTED = (*live_history_test.Workload.EXPECTED, b"LOADING")

    def connect(self, choice):
        ports = self.ports()
        choice.shuffle(ports)
        return ClusterClient(ports, live_history_test.CLIENT_TIMEOUT)


class PlainWorkload(live_history_test.Workload):
    # Nothing was done, as the node of the key is away; but of what was sent to it: UNKNOWN.
    EXPECTED = (*Workload.EXPECTED, b"CLUSTERDOWN")


class NodesHistory(unittest.TestCase):
    WORKLOAD, CONFIG = Workload, ""

    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.ports = nodes_test.free_ports(3)
        self.nodes = {}
        for number in (1, 2, 3):
            self.start(number)
        self.work = self.WORKLOAD(lambda: list(self.ports))
        self.addCleanup(self.work.stop)
        self.work.wait_for("answered", 200)

    def start(self, number):
        self.nodes[number] = weir_process.Weir(
            WEIR, os.path.join(self.folder, f"n{number}"), "--node", f"n{number}", "--memory",
            "64MiB", config=self.CONFIG + nodes_test.list_of(self.ports),
            listen=f"127.0.0.1:{self.ports[number - 1]}")
        self.addCleanup(self.nodes[number].kill)

    def violation(self, plant=lambda client: None):
        """Ends the work and judges all that clients were told. Returns what is wrong, or None."""
        work = self.work
        work.wait_for("written", 100)
        work.stop()
        client = ClusterClient(list(self.ports), weir_process.DEADLINE_SECONDS)
        self.addCleanup(client.close)
        plant(client)
        for key, history in work.histories.items():
            called = time.monotonic_ns()
            history.append(zones.Operation(zones.READ, client.command("GET", key), called,
                                           time.monotonic_ns()))
        count = int(client.command("GET", live_history_test.COUNTER) or b"0")
        self.assertIsNone(work.odd)
        print(f"{self.id().rsplit('.', 1)[-1]}: {work.answered} answered, {work.refused} refused, "
              f"{work.unknown} unknown", file=sys.stderr)
        if not work.increments_acknowledged <= count <= work.increments_sent:
            return f"{work.increments_acknowledged} <= {count} <= {work.increments_sent}"
        found = [(key, zones.violation(history)) for key, history in work.histories.items()]
        return next((each for each in found if each[1] is not None), None)

    def test_nodes_that_are_killed_and_started_anew(self):
        for i in range(6):
            number = i % 3 + 1
            self.nodes[number].kill()
            self.work.wait_for("answered", 100)  # By the others.
            self.start(number)
            self.work.wait_for("answered", 200)
        self.assertIsNone(self.violation())

    def test_nodes_that_are_stopped_and_go_on(self):
        for number in (1, 2, 3):
            self.nodes[number].signal(signal.SIGSTOP)
            self.work.wait_for("unknown", 2)
            self.work.wait_for("answered", 50)  # By the others.
            self.nodes[number].signal(signal.SIGCONT)
            self.work.wait_for("answered", 200)
        self.assertIsNone(self.violation())

    def test_the_check_finds_a_value_that_came_back(self):
        def older(client):
            key, history = next(iter(self.work.histories.items()))
            writes = [each for each in history
                      if each.kind == zones.WRITE and each.returned != zones.FOREVER]
            done = client.command("SET", key, writes[len(writes) // 2].value)
            self.assertEqual(done, b"OK")
        self.assertIn("current from", str(self.violation(older)))


class ForwardingHistory(NodesHistory):
    # Nodes give up before their clients do, so that these are told what is known.
    WORKLOAD, CONFIG = PlainWorkload, '[server]\npeer_timeout = "200ms"\n'


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
