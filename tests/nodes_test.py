#!/usr/bin/python3
"""Goal: three processes of one list share the keys as weighted, every cluster client finds its way,
and a node never serves data that its list does not give it.

Method: real processes on free ports, real clients; redis-server in cluster mode for the shape of
replies; the commands of docs/nodes.md with their ports replaced.

    nodes_test.py WEIR PAGE
"""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot

import certificates
import weir_process

WEIR = ""
PAGE = ""
FOLDER = os.path.dirname(os.path.abspath(__file__))
SLOTS = 16384


# Below those that Linux gives to connections, so that none of the test's own takes the port of a
# node between its end and its next start.
PORTS = range(15000, 32768)


def free_ports(count):
    """Ports that are free at this moment, and differ."""
    listeners = []
    try:
        while len(listeners) < count:
            listener = socket.socket()
            listeners.append(listener)
            try:
                listener.bind(("127.0.0.1", random.choice(PORTS)))
            except OSError:  # Somebody has it.
                listeners.pop().close()
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def list_of(ports, weights=(1, 1, 2)):
    return "".join(f'[[node]]\nid = "n{i + 1}"\naddress = "127.0.0.1:{port}"\nweight = {weight}\n'
                   for i, (port, weight) in enumerate(zip(ports, weights)))


def shape(value):
    """A reply without what differs from one server to another."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, bytes) and re.fullmatch(b"[0-9a-f]{40}", value):
        return "id"
    return value if isinstance(value, bytes) else type(value).__name__


class FalseNode:
    """Listens at a node's address, and answers one question when it is told to."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(weir_process.DEADLINE_SECONDS)
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.recv(1024)
            self.asked.set()
            self.may_answer.wait()
            connection.sendall(b"*4\r\n$2\r\nn1\r\n$1\r\np\r\n$1\r\nd\r\n$1\r\nr\r\n")

    def end(self):
        self.may_answer.set()
        self.thread.join()
        self.listener.close()


class Nodes(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.ports = free_ports(3)

    def start(self, number, config=None, folder=None, port=None):
        node = weir_process.Weir(
            WEIR, os.path.join(self.folder, folder or f"n{number}"), "--node", f"n{number}",
            "--memory", "64MiB", config=config or list_of(self.ports),
            listen=f"127.0.0.1:{port or self.ports[number - 1]}")
        self.addCleanup(node.kill)
        return node

    def run_program(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                              cwd=FOLDER)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, number, config, because, folder=None, port=None):
        """A start that must fail, and say this. One that serves because the machine was too busy
        for an answer in time was told so, and is undone."""
        data = os.path.join(self.folder, folder or f"n{number}", "data")
        is_first = not os.path.exists(data)
        for _ in range(10):
            try:
                node = self.start(number, config, folder, port)
            except RuntimeError as error:
                self.assertRegex(str(error), because)
                return
            self.assertIn("does not answer in 500 ms", node.log())
            node.kill()
            if is_first:
                shutil.rmtree(data)
        self.fail(f"served all the same, and not: {because}")

    def test_every_slot_has_one_node_as_weighted_and_all_say_the_same(self):
        clients = [self.start(number).client() for number in (1, 2, 3)]
        for client in clients:
            self.addCleanup(client.close)
        tables = [client.command("CLUSTER", "SLOTS") for client in clients]
        self.assertEqual(tables[0], tables[1])
        self.assertEqual(tables[0], tables[2])
        self.assertEqual([(first, last, node[1]) for first, last, node in tables[0]],
                         [(0, 4095, self.ports[0]), (4096, 8191, self.ports[1]),
                          (8192, 16383, self.ports[2])])
        shares = [0, 0, 0]
        for i in range(400):
            key = f"key:{i}"
            slot = clients[0].command("CLUSTER", "KEYSLOT", key)
            owner = 0 if slot < 4096 else 1 if slot < 8192 else 2
            shares[owner] += 1
            moved = b"MOVED %d 127.0.0.1:%d" % (slot, self.ports[owner])
            for number, client in enumerate(clients):
                reply = client.command("SET", key, i)
                self.assertEqual(reply, b"OK" if number == owner else moved, key)
        self.assertEqual([client.command("DBSIZE") for client in clients], shares)

    def test_replies_are_of_the_shape_of_redis(self):
        redis = weir_process.Redis(os.path.join(self.folder, "redis"), "--cluster-enabled", "yes",
                                   "--cluster-port", str(free_ports(1)[0]))
        self.addCleanup(redis.kill)
        config = list_of(self.ports[:1])
        node = self.start(1, config=config)
        with redis.client() as theirs, node.client() as ours:
            self.assertEqual(theirs.command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1), b"OK")
            weir_process.wait_until(
                lambda: b"cluster_state:ok" in theirs.command("CLUSTER", "INFO"), "its slots")
            for protocol in (2, 3):
                for client in (theirs, ours):
                    client.command("HELLO", protocol)
                self.check_shapes(theirs, ours, protocol)

    def check_shapes(self, theirs, ours, protocol):
        both = lambda *words: (theirs.command(*words), ours.command(*words))
        for words in (("MYID",), ("KEYSLOT", "{a}b"), ("LINKS",), ("COUNTKEYSINSLOT", "7"),
                      ("GETKEYSINSLOT", "7", "10"), ("COUNTKEYSINSLOT", "16384"),
                      ("COUNTKEYSINSLOT", "x"), ("GETKEYSINSLOT", "7", "-1"),
                      ("REPLICAS", "nobody"), ("COUNT-FAILURE-REPORTS", "nobody"), ("KEYSLOT",),
                      ("NO-SUCH",)):
            self.assertEqual(*map(shape, both("CLUSTER", *words)), (words, protocol))
        for word in ("READONLY", "READWRITE", "ASKING"):
            self.assertEqual(*both(word))
        slots = [reply[0] for reply in both("CLUSTER", "SLOTS")]
        for reply in slots:
            reply[2][0] = b"address"  # redis-server does not know its own before it meets another.
        self.assertEqual(shape(slots[0]), shape(slots[1]))
        info = [[line.split(b":")[0] for line in reply.split(b"\r\n")]
                for reply in both("CLUSTER", "INFO")]
        self.assertEqual(info[0], info[1])
        line = rb"^(?:txt:)?[0-9a-f]{40} \S*:\d+@\d+ (\S+) - \d+ \d+ \d+ connected"
        lines = [re.sub(line, rb"\1", reply) for reply in both("CLUSTER", "NODES")]
        self.assertEqual(lines, [b"myself,master 0-16383\n"] * 2)
        shards = [dict(zip(shard[::2], shard[1::2])) if protocol == 2 else shard
                  for shard in (reply[0] for reply in both("CLUSTER", "SHARDS"))]
        self.assertEqual(shards[0][b"slots"], shards[1][b"slots"])
        self.assertEqual(list(shards[1]), [b"slots", b"nodes", b"id"])
        self.assertEqual(*[list(shard[b"nodes"][0])[::2 if protocol == 2 else 1]
                           for shard in shards])

    def test_clients_that_speak_cluster_reach_every_key_from_any_node(self):
        nodes = [self.start(number) for number in (1, 2, 3)]
        self.run_program("node", "cluster_clients.js", "ioredis", str(self.ports[0]))
        self.run_program("node", "cluster_clients.js", "redis", str(self.ports[1]), "2")
        self.run_program("node", "cluster_clients.js", "redis", str(self.ports[2]), "3")
        with RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", self.ports[1])]) as client:
            for i in range(200):
                self.assertTrue(client.set(f"py:{i}", i))
                self.assertEqual(client.get(f"py:{i}"), b"%d" % i)
            self.assertEqual(len(client.get_primaries()), 3)
            self.assertEqual(client.cluster_countkeysinslot(client.keyslot("py:0")), 1)
        for i in range(20):
            where = str(self.ports[i % 3])
            self.assertEqual(self.run_program("redis-cli", "-c", "-p", where, "set", f"c:{i}", "v"),
                             "OK\n")
        said = self.run_program("redis-benchmark", "--cluster", "-p", str(self.ports[0]), "-t",
                                "set,get", "-n", "20000", "-d", "100", "-r", "10000", "-q")
        self.assertEqual(re.findall("(SET|GET): [0-9.]+ requests per second", said),
                         ["SET", "GET"], said)
        checked = self.run_program("redis-cli", "--cluster", "check", f"127.0.0.1:{self.ports[2]}")
        self.assertIn("[OK] All nodes agree about slots configuration.", checked)
        self.assertIn("[OK] All 16384 slots covered.", checked)
        for node in nodes:
            self.assertEqual(node.stop(), 0, node.log())

    def test_a_plain_client_reads_and_writes_every_slot_at_any_node(self):
        clients = [self.start(number).client() for number in (1, 2, 3)]
        for client in clients:
            self.addCleanup(client.close)
        keys = {}
        number = 0
        while len(keys) < SLOTS:
            number += 1
            keys.setdefault(key_slot(b"key:%d" % number), b"key:%d" % number)
        pieces = [list(keys.values())[i::SLOTS // 512] for i in range(SLOTS // 512)]
        for i, piece in enumerate(pieces):
            self.assertEqual(clients[i % 3].pipeline([("SET", key, key) for key in piece]),
                             [b"OK"] * len(piece))
        for shift in (1, 2):
            for i, piece in enumerate(pieces):
                client = clients[(i + shift) % 3]
                self.assertEqual(client.pipeline([("GET", key) for key in piece]), piece)
        self.assertEqual([client.command("DBSIZE") for client in clients], [4096, 4096, 8192])
        piece = pieces[0]
        self.assertEqual(clients[0].command("MGET", *piece), piece)
        self.assertEqual(clients[1].command("EXISTS", *piece, "none"), len(piece))
        self.assertEqual(clients[2].command("DEL", *piece), len(piece))
        self.assertEqual(clients[0].command("MGET", *piece), [None] * len(piece))
        for port in self.ports:
            flags = ("redis-cli", "-p", str(port))
            self.assertEqual(self.run_program(*flags, "mset", "{c}1", "a", "{c}2", "b"), "OK\n")
            self.assertEqual(self.run_program(*flags, "mget", "{c}1", "{c}2"), "a\nb\n")

    def test_clients_over_tls_are_sent_to_tls(self):
        authority = certificates.Authority(os.path.join(self.folder, "tls"))
        cert, key = authority.issue("server")
        plain = free_ports(3)
        for number in (1, 2, 3):
            node = weir_process.Weir(
                WEIR, os.path.join(self.folder, f"n{number}"), "--node", f"n{number}", "--memory",
                "64MiB", "--tls-listen", f"127.0.0.1:{self.ports[number - 1]}", "--tls-cert", cert,
                "--tls-key", key, config=list_of(self.ports),
                listen=f"127.0.0.1:{plain[number - 1]}")
            self.addCleanup(node.kill)
        flags = ("redis-cli", "--tls", "--cacert", authority.path, "-c", "-p", str(self.ports[0]))
        for i in range(10):
            self.assertEqual(self.run_program(*flags, "set", f"k:{i}", f"{i}"), "OK\n")
            self.assertEqual(self.run_program(*flags, "get", f"k:{i}"), f"{i}\n")
        self.assertIn("speaks TLS only", node.log())  # It cannot ask the others,
        self.assertEqual(node.metrics()["weir_nodes_unconfirmed"], 2)  # and says so.

    def test_a_node_keeps_its_data_and_refuses_what_does_not_fit_it(self):
        first = self.start(1)
        with first.client() as client:
            self.assertEqual(client.command("SET", "hello", "v"), b"OK")  # Of slot 866.
        self.assertEqual(first.stop(), 0)
        data = os.path.join(self.folder, "n1", "data")
        self.assertIn("verified: 1 records", self.run_program(WEIR, "verify", "--data", data))
        self.refused(1, list_of(self.ports, (1, 1, 1)), "node 'n3' has weight 1, not 2")
        self.refused(1, list_of(self.ports[:2]), "node 'n3' is missing")
        self.refused(1, list_of([*self.ports, 7], (1, 1, 2, 1)), "node 'n4' is new")
        shutil.copytree(os.path.join(self.folder, "n1"), os.path.join(self.folder, "n2"))
        self.refused(2, list_of(self.ports), "the data is that of node 'n1', not of 'n2'")
        with self.assertRaisesRegex(RuntimeError, "the data is that of node 'n1' of 3"):
            weir_process.Weir(WEIR, os.path.join(self.folder, "n1"))
        self.ports[1:] = free_ports(2)  # Where the others are may change.
        with self.start(1) as again, again.client() as client:
            self.assertEqual(client.command("GET", "hello"), b"v")
            self.assertRegex(client.command("GET", "foo").decode(),
                             rf"^CLUSTERDOWN The node n3 \(127.0.0.1:{self.ports[2]}\) does not")
            client.command("READONLY")  # Which only clients in cluster mode send.
            moved = client.command("GET", "foo")
            self.assertEqual(moved, b"MOVED 12182 127.0.0.1:%d" % self.ports[2])

    def test_a_node_that_starts_with_another_list_ends_and_says_which(self):
        first = self.start(1)
        self.refused(2, list_of(self.ports, (1, 2, 1)),
                     f"node 'n1' at 127.0.0.1:{self.ports[0]} has a list with other ids or weights")
        strange = list_of([self.ports[2], self.ports[1], self.ports[0]])
        self.refused(2, strange, f"node 'n3' at 127.0.0.1:{self.ports[0]} says that it is 'n1'")
        alone = weir_process.Weir(WEIR, os.path.join(self.folder, "alone"))
        self.addCleanup(alone.kill)
        self.refused(2, list_of([alone.port, self.ports[1], self.ports[2]]),
                     "runs without .*node.* sections")
        elsewhere = list_of([self.ports[0], self.ports[1], free_ports(1)[0]])
        second = self.start(2, config=elsewhere)
        weir_process.wait_until(
            lambda: re.search("node 'n1' at .* has a list with other addresses", second.log()),
            "n2 has heard of other addresses")
        with first.client() as client:
            self.assertEqual(client.command("PING"), b"PONG")
        self.assertEqual(self.start(3).stop(), 0)

    def test_a_second_process_of_a_node_ends(self):
        first = self.start(1)
        self.refused(1, None, f"node 'n1' at 127.0.0.1:{self.ports[0]} is another process",
                     folder="twin", port=free_ports(1)[0])
        with first.client() as client:
            self.assertEqual(client.command("PING"), b"PONG")

    def test_a_node_that_is_not_at_its_address_says_so_until_it_is_found(self):
        twin = self.start(1, folder="twin", port=free_ports(1)[0])
        self.assertIn("is this one, and cannot be found there", twin.log())
        first = self.start(1)  # At its address; it asks only the others.
        weir_process.wait_until(
            lambda: f"{self.ports[0]} is another process than this one" in twin.log(),
            "the second process is noticed")
        self.assertEqual(first.stop(), 0)

    def test_nobody_is_served_before_the_others_were_asked(self):
        for _ in range(10):
            if self.is_loading_while_it_asks():
                return
        self.fail("the node never waited for the answer")

    def is_loading_while_it_asks(self):
        """Returns False when the machine was too busy, and the node has served after all."""
        other = FalseNode(self.ports[0])
        self.addCleanup(other.end)
        admin = free_ports(1)[0]
        node = weir_process.Weir(
            WEIR, os.path.join(self.folder, "n2"), "--node", "n2", "--memory", "64MiB",
            config=list_of(self.ports), wait=False, listen=f"127.0.0.1:{self.ports[1]}",
            admin=f"127.0.0.1:{admin}")
        self.addCleanup(node.kill)
        other.asked.wait(weir_process.DEADLINE_SECONDS)
        node.admin_port = admin
        with weir_process.Client(self.ports[1]) as client:
            said = client.command("SET", "bar", "v")  # Of slot 5061, which is n2's.
            ready = node.http("/readyz")
        other.end()
        weir_process.wait_until(
            lambda: node.process.poll() is not None or "msg=serving" in node.log(), "it ends")
        if "msg=serving" in node.log():
            node.kill()
            shutil.rmtree(os.path.join(self.folder, "n2"))
            return False
        self.assertTrue(said.startswith(b"LOADING "), said)
        self.assertEqual(ready, (503, "asking the other nodes\n"))
        self.assertEqual(node.wait(), 1)
        self.assertIn("node 'n1' at", node.log())
        with self.start(2) as again, again.client() as client:
            self.assertEqual(client.command("GET", "bar"), None)
        return True

    def test_a_refused_first_start_leaves_nothing_behind(self):
        first = self.start(1)
        self.refused(2, list_of(self.ports, (1, 2, 1)), "other ids or weights")
        with self.start(2) as second, second.client() as client:
            self.assertEqual(client.command("SET", "bar", "v"), b"OK")  # Of slot 5061.
        self.assertEqual(first.stop(), 0)

    def test_a_stored_table_is_never_replaced_though_there_are_no_keys(self):
        self.assertEqual(self.start(2).stop(), 0)
        self.refused(2, list_of(self.ports, (1, 2, 1)), "give it an empty directory")
        with self.assertRaisesRegex(RuntimeError, "the data is that of node 'n2' of 3"):
            weir_process.Weir(WEIR, os.path.join(self.folder, "n2"))

    def test_who_is_away_is_told_of_and_asked_again(self):
        first = self.start(1)
        self.assertIn(f"node 'n2' at 127.0.0.1:{self.ports[1]} has not said whether it has this "
                      "list", first.log())
        self.assertEqual(first.metrics()["weir_nodes_unconfirmed"], 2)
        self.start(2)
        weir_process.wait_until(lambda: first.metrics()["weir_nodes_unconfirmed"] == 1,
                                "n1 has heard from n2")
        self.assertIn(f"node 'n2' at 127.0.0.1:{self.ports[1]} has the same list", first.log())

    def test_two_lists_that_meet_late_are_an_error_in_the_log_and_a_metric(self):
        first = self.start(1)
        first.signal(signal.SIGSTOP)
        second = self.start(2, config=list_of(self.ports, (1, 2, 1)))
        first.signal(signal.SIGCONT)
        for node in (first, second):
            weir_process.wait_until(
                lambda: "two lists of nodes serve clients at once" in node.log(),
                "the other list is noticed")
            weir_process.wait_until(lambda: node.metrics()["weir_nodes_differing"] == 1,
                                    "it is counted")

    def test_data_of_a_process_without_a_list_is_no_nodes(self):
        folder = os.path.join(self.folder, "n1")
        with weir_process.Weir(WEIR, folder) as alone, alone.client() as client:
            self.assertEqual(client.command("SET", "foo", "v"), b"OK")
        self.refused(1, list_of(self.ports), "the data is that of a process without")
        with self.start(1, config=list_of(self.ports[:1])) as node, node.client() as client:
            self.assertEqual(client.command("GET", "foo"), b"v")  # One node serves everything.

    def test_the_page_does_what_it_says(self):
        ports = dict(zip(("7001", "7002", "7003"), map(str, self.ports)))
        page = re.sub("700[123]", lambda port: ports[port[0]], PAGE)
        page = re.sub("digest [0-9a-f]{16}", "digest D", page)
        blocks = dict.fromkeys(("toml", "sh", ""), "")
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
            blocks[language] += block
        os.mkdir(os.path.join(self.folder, "bin"))
        os.symlink(os.path.abspath(WEIR), os.path.join(self.folder, "bin", "weir"))
        with open(os.path.join(self.folder, "nodes.toml"), "w", encoding="utf-8") as file:
            file.write(blocks["toml"])
        for line in blocks["sh"].splitlines():
            words = shlex.split(line)
            folder = os.path.join(self.folder, "logs", words[words.index("--node") + 1])
            node = weir_process.Process([os.path.abspath(WEIR), *words[1:]], folder,
                                        cwd=self.folder)
            self.addCleanup(node.kill)
            weir_process.wait_until(lambda: "msg=serving" in node.log(), "the node serves")
        environment = {**os.environ,
                       "PATH": os.path.join(self.folder, "bin") + ":" + os.environ["PATH"]}
        for step in re.split(r"^\$ ", blocks[""], flags=re.MULTILINE)[1:]:
            command, _, wanted = step.partition("\n")
            done = subprocess.run(shlex.split(command), capture_output=True, text=True,
                                  timeout=60, check=False, env=environment)
            said = re.sub("digest [0-9a-f]{16}", "digest D", done.stdout + done.stderr)
            self.assertEqual(said, wanted, command)


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    with open(sys.argv.pop(1), encoding="utf-8") as page_file:
        PAGE = page_file.read()
    unittest.main()
