#!/usr/bin/python3
"""Goal: after a restart, asked for or not, reads are answered from memory again, and are right.

Method: a real weir whose cache holds all keys is ended by SIGTERM, or by kill -9 at any moment, and
begun again; when it has loaded what it was to load, all keys are read, compared with what was
acknowledged, and those that were not in memory counted. Files that are damaged, of another program
or of another state of the database lie where its own should.

    warm_restart_test.py WEIR
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import weir_process

WEIR = ""
KEYS = 20000
LIST = "hot-keys"
SNAPSHOT = "cache-snapshot"
EVERY_SECOND = '[cache]\nwarm_restart = true\nwarm_restart_interval = "1s"\n'
ONCE = '[cache]\nwarm_restart = true\nwarm_restart_interval = "1h"\n'
NEVER = '[cache]\nwarm_restart = false\n'
SHARDS = "".join(f'[[shard]]\nname = "{name}"\ndata = "{name}"\n' for name in ("one", "two"))
RESTORED = "weir_warm_restart_values_restored_total"
LOADED = "weir_warm_restart_values_loaded_total"


def key(number):
    return f"key:{number}"


class WarmRestart(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.values = {}

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def list_path(self):
        return self.path("data", LIST)

    def snapshot_path(self):
        return self.path("data", SNAPSHOT)

    def start(self, config=EVERY_SECOND):
        server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB", config=config)
        self.addCleanup(server.kill)
        return server

    def wait_for_log(self, server, text):
        weir_process.wait_until(lambda: text in server.log(), f"the log says {text!r}")

    def wait_until_restored(self, server):
        self.wait_for_log(server, "what was in memory is there again")

    def wait_until_warm(self, server):
        self.wait_for_log(server, "are read from the store in the background")
        weir_process.wait_until(
            lambda: server.metrics()["weir_warm_restart_keys_waiting"] == 0, "the cache is warm")
        # A batch may still be on its way.
        counts = []
        def settled():
            counts.append(server.metrics()[LOADED])
            return len(counts) > 2 and counts[-1] == counts[-2]
        weir_process.wait_until(settled, "the last batch has arrived", pause=0.05)

    def write(self, server, numbers, value):
        with server.client() as client:
            replies = client.pipeline([("SET", key(i), f"{value} {i}") for i in numbers])
        self.assertEqual(set(replies), {b"OK"})
        self.values.update((i, f"{value} {i}".encode()) for i in numbers)

    def fill(self, server):
        self.write(server, range(KEYS), "value")

    def misses_of_all(self, server):
        """Reads every key; returns how many were not in memory."""
        before = server.metrics()["redis_keyspace_misses_total"]
        with server.client() as client:
            values = client.pipeline([("GET", key(i)) for i in range(KEYS)])
        self.assertEqual(values, [self.values.get(i) for i in range(KEYS)])
        return server.metrics()["redis_keyspace_misses_total"] - before

    def test_after_sigterm_all_is_in_memory_again(self):
        server = self.start()
        self.fill(server)
        for _ in range(2):
            self.assertEqual(server.stop(), 0)
            server = self.start()
            self.wait_until_restored(server)
            self.assertEqual(server.metrics()[RESTORED], KEYS)
            self.assertEqual(self.misses_of_all(server), 0)

    def test_what_is_written_while_it_is_restored_stays(self):
        server = self.start()
        self.fill(server)
        self.assertEqual(server.stop(), 0)
        server = self.start()
        self.write(server, range(0, KEYS, 7), "new")
        with server.client() as client:
            client.pipeline([("DEL", key(i)) for i in range(1, KEYS, 7)])
        for i in range(1, KEYS, 7):
            del self.values[i]
        self.wait_until_restored(server)
        self.misses_of_all(server)
        # What was written after the seal makes the snapshot a list of names.
        server.kill()
        server = self.start(ONCE)
        self.wait_until_warm(server)
        self.assertEqual(server.metrics()[RESTORED], 0)
        self.misses_of_all(server)

    def wait_until_listed(self):
        size = sum(1 + len(key(i)) for i in range(KEYS))
        weir_process.wait_until(
            lambda: os.path.exists(self.list_path()) and os.path.getsize(self.list_path()) >= size,
            "the list is written while it runs")

    def test_after_kill_9_all_is_in_memory_again_and_nothing_is_old(self):
        server = self.start()
        self.fill(server)
        self.wait_until_listed()
        self.write(server, range(0, KEYS, 7), "new")
        server.kill()
        server = self.start()
        # Some are written before they have been read.
        self.write(server, range(1, KEYS, 7), "new")
        self.wait_until_warm(server)
        self.assertLessEqual(self.misses_of_all(server), KEYS // 20)

    def test_killed_at_any_moment_of_the_stop_and_the_start_nothing_is_old(self):
        draws = random.Random(1)
        server = self.start()
        self.fill(server)
        for cycle in range(12):
            server.signal(signal.SIGTERM)
            time.sleep(draws.uniform(0, 0.06))
            server.kill()
            server = self.start(ONCE)
            self.write(server, draws.sample(range(KEYS), 50), f"cycle {cycle}")
            time.sleep(draws.uniform(0, 0.02))
            if cycle % 3 == 0:
                self.misses_of_all(server)
            elif cycle % 3 == 1:
                server.kill()
                server = self.start(ONCE)
                self.misses_of_all(server)
        self.assertEqual(server.stop(), 0)
        server = self.start()
        self.misses_of_all(server)

    def test_a_snapshot_of_another_state_of_the_database_is_not_used(self):
        server = self.start()
        self.fill(server)
        self.assertEqual(server.stop(), 0)
        shutil.copytree(self.path("data"), self.path("copy"))
        server = self.start(ONCE)
        earlier = dict(self.values)
        self.write(server, range(0, KEYS, 3), "later")
        self.assertEqual(server.stop(), 0)
        # The database is as it was before, the snapshot is not; then the other way round.
        mixtures = (("copy", "data", earlier), ("data", "copy", self.values))
        for database, snapshot, values in mixtures:
            shutil.copytree(self.path(database), self.path("mixed", "data"))
            shutil.copy(self.path(snapshot, SNAPSHOT), self.path("mixed", "data", SNAPSHOT))
            with weir_process.Weir(WEIR, self.path("mixed"), "--memory", "256MiB",
                                   config=ONCE) as mixed:
                self.wait_until_warm(mixed)
                self.assertEqual(mixed.metrics()[RESTORED], 0)
                self.values, kept = values, self.values
                self.misses_of_all(mixed)
                self.values = kept
            shutil.rmtree(self.path("mixed"))

    def test_with_its_database_it_may_be_copied_and_moved(self):
        server = self.start(ONCE)
        self.fill(server)
        self.assertEqual(server.stop(), 0)
        shutil.copytree(self.path("data"), self.path("elsewhere", "data"))
        for directory in (self.directory, self.path("elsewhere")):
            with weir_process.Weir(WEIR, directory, "--memory", "256MiB", config=ONCE) as moved:
                self.wait_until_restored(moved)
                self.assertEqual(self.misses_of_all(moved), 0)

    def test_of_several_databases_all_must_be_as_they_were(self):
        server = self.start(ONCE + SHARDS)
        self.fill(server)
        self.assertEqual(server.stop(), 0)
        shutil.copytree(self.path("two"), self.path("copy"))
        server = self.start(ONCE + SHARDS)
        self.wait_until_restored(server)
        self.assertEqual(self.misses_of_all(server), 0)
        earlier = dict(self.values)
        self.write(server, range(KEYS), "later")
        self.assertEqual(server.stop(), 0)
        shutil.rmtree(self.path("two"))
        os.rename(self.path("copy"), self.path("two"))
        server = self.start(ONCE + SHARDS)
        self.wait_until_warm(server)
        self.assertEqual(server.metrics()[RESTORED], 0)
        with server.client() as client:
            values = client.pipeline([("GET", key(i)) for i in range(KEYS)])
        self.assertEqual(sum(value == earlier[i] for i, value in enumerate(values)) +
                         sum(value == self.values[i] for i, value in enumerate(values)), KEYS)
        self.assertGreater(sum(value == earlier[i] for i, value in enumerate(values)), KEYS // 4)

    def test_a_shard_that_was_added_is_sealed_too(self):
        server = self.start(ONCE)
        self.fill(server)
        subprocess.run([WEIR, "shard", "--server", f"127.0.0.1:{server.port}", "add",
                        self.path("second")], check=True, timeout=60, capture_output=True)
        self.assertEqual(server.stop(), 0)
        server = self.start(ONCE)
        self.wait_until_restored(server)
        self.assertEqual(self.misses_of_all(server), 0)

    def test_of_a_snapshot_that_was_cut_short_the_rest_comes_from_the_list(self):
        server = self.start()
        self.values.update((i, b"x" * 200) for i in range(KEYS))
        with server.client() as client:
            client.store([("SET", key(i), value) for i, value in self.values.items()])
        self.wait_until_listed()
        shutil.copy(self.list_path(), self.path("kept"))
        self.assertEqual(server.stop(), 0)
        shutil.move(self.path("kept"), self.list_path())
        with open(self.snapshot_path(), "r+b") as file:
            file.readline()
            file.truncate(file.tell() + 12 + int.from_bytes(file.read(4), "little"))
        server = self.start(ONCE)
        self.wait_until_restored(server)
        restored = server.metrics()[RESTORED]
        self.assertGreater(restored, 0)
        self.assertLess(restored, KEYS // 2)
        self.wait_until_warm(server)
        self.assertLessEqual(self.misses_of_all(server), KEYS // 20)

    def test_a_list_that_has_not_been_read_through_is_not_lost(self):
        server = self.start()
        self.fill(server)
        weir_process.wait_until(lambda: os.path.exists(self.list_path()), "the list is written")
        server.kill()
        for _ in range(3):
            self.assertEqual(self.start().stop(), 0)
        server = self.start()
        self.wait_for_log(server, "in memory")
        weir_process.wait_until(
            lambda: server.metrics()[RESTORED] + server.metrics()[LOADED] > KEYS // 2, "it is warm")

    def damage(self, path, loaded):
        with open(path, "rb") as file:
            good = file.read()
        head = good.index(b"\n") + 1
        changed = good[:head + 99] + b"X" + good[head + 100:]
        for bad, begins in ((good[:-1], True), (changed, False), (b"of another program\n", False),
                            (b"", False), (good[:head] + b"\xff" * 12, False)):
            with open(path, "wb") as file:
                file.write(bad)
            server = self.start(ONCE)
            self.wait_for_log(server, "is damaged")
            if begins:
                weir_process.wait_until(lambda: server.metrics()[loaded] > 0, "it has loaded some")
            else:
                self.assertEqual(server.metrics()[loaded], 0)
            self.misses_of_all(server)
            server.kill()

    def test_of_a_list_that_is_damaged_what_comes_before_is_used(self):
        server = self.start()
        self.fill(server)
        self.wait_until_listed()
        server.kill()
        self.damage(self.list_path(), LOADED)

    def test_of_a_snapshot_that_is_damaged_what_comes_before_is_used(self):
        server = self.start(ONCE)
        self.values.update((i, b"x" * 200) for i in range(KEYS))
        with server.client() as client:
            client.store([("SET", key(i), value) for i, value in self.values.items()])
        self.assertEqual(server.stop(), 0)
        self.damage(self.snapshot_path(), RESTORED)

    def test_without_it_nothing_is_written_or_read_and_what_there_was_is_removed(self):
        self.assertEqual(self.start().stop(), 0)
        self.assertTrue(os.path.exists(self.snapshot_path()))
        for path in (self.list_path() + ".new", self.snapshot_path() + ".new", self.list_path()):
            with open(path, "wb") as file:
                file.write(b"of a process that was killed")
        server = self.start(NEVER)
        self.fill(server)
        self.assertEqual(server.stop(), 0)
        self.assertEqual([name for name in os.listdir(self.path("data"))
                          if name.startswith((LIST, SNAPSHOT))], [])


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main(verbosity=2)
