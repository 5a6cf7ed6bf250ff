#!/usr/bin/python3
"""Goal: a backup made under load is a state between its start and its end, whole in every
transaction and in every shard; restored elsewhere it verifies and serves; what is no complete
backup is never taken for one.

Method: writers of crash_campaign (SET, MSET, INCR, DEL, acknowledgements remembered) load the real
binary, with one data directory and with two. What each writer had acknowledged before the backup
began must be in the restored copy, and what is in it must be a prefix, in the order sent, of what
the writer had sent when it ended. One pair of keys in different databases is always raised in the
same order, so that a cut which is not one moment shows. Damage put in on purpose must be found.

    backup_test.py WEIR
"""

import copy
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import unittest

import crash_campaign
import kill9_test
import weir_process

WEIR = ""
SEED = 20261124


def two_directories(directory):
    """Returns a configuration with three shards in two data directories below `directory`."""
    return "".join(f'[[shard]]\nname = "s{i}"\ndata = "{directory}/{name}"\n'
                   for i, name in enumerate(["one", "two", "one"]))


class LoadedWriter(crash_campaign.Writer):
    """A writer that keeps all it has sent, so that any prefix of it can be looked for."""

    def __init__(self, number, seed, one_database):
        super().__init__(number, seed)
        self.one_database = one_database
        if not one_database:  # A tag keeps the keys of an MSET in one database.
            self.keys = [b"{%b}" % key for key in self.keys]
            self.groups = [[b"{w%d:group:%d}%d" % (number, g, i)
                            for i in range(crash_campaign.GROUP_KEYS)]
                           for g in range(crash_campaign.GROUPS)]
            self.all_keys = self.keys + [self.counter] + sum(self.groups, [])
        self.acknowledged_commands = []
        self.stop = False

    def next_command(self):
        words = super().next_command()
        if self.one_database or words[0] != "EXEC":
            return words
        # A transaction may not touch several databases; the keys of one tag are in one.
        group = self.random.choice(self.groups)
        return ("EXEC", None, tuple(("SET", key, b"%d" % self.sequence) for key in group))

    def run(self, port):
        try:
            with weir_process.Client(port) as client:
                while not self.stop and self.error is None:
                    self.send_batch(client)
                    before = list(self.pending)
                    self.read_batch(client)
                    self.acknowledged_commands += before[:len(before) - len(self.pending)]
        except (OSError, EOFError) as error:
            self.error = f"the connection ended: {error!r}"

    def check(self, found, at_least, at_most):
        """Raises unless `found` is the state after some number of the commands within bounds."""
        state = {}
        for count, words in enumerate(self.acknowledged_commands[:at_most]):
            if count >= at_least and state == found:
                return count
            crash_campaign.apply(state, words)
        if state == found:
            return at_most
        raise crash_campaign.Violation(
            f"writer {self.number}: no state between {at_least} and {at_most} commands is there")


class Pair(threading.Thread):
    """Raises two keys, one after the other's acknowledgement: first >= second at any moment."""

    def __init__(self, port, first, second):
        super().__init__()
        self.port, self.keys, self.stop, self.count = port, (first, second), False, 0

    def run(self):
        with weir_process.Client(self.port) as client:
            while not self.stop:
                for key in self.keys:
                    client.command("INCR", key)
                self.count += 1


class Backup(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.backup_dir = os.path.join(self.scratch, "backup")
        self.server = None
        self.addCleanup(lambda: self.server and self.server.kill())

    def start(self, name="weir", config="", wait=True):
        self.server = weir_process.Weir(WEIR, os.path.join(self.scratch, name),
                                        "--memory", "256MiB", config=config, wait=wait)
        return self.server

    def weir(self, *arguments):
        return subprocess.run([os.path.abspath(WEIR), *arguments], cwd=self.scratch,
                              capture_output=True, text=True, check=False,
                              timeout=weir_process.DEADLINE_SECONDS)

    def assert_weir(self, code, part, *arguments):
        done = self.weir(*arguments)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        self.assertIn(part, done.stdout + done.stderr)
        return done

    def database_files(self):
        """What is in the data directory, but for the buckets of limits that are kept beside it."""
        return sorted(name for name in os.listdir(os.path.join(self.server.directory, "data"))
                      if not name.startswith("limits."))

    def backup(self, directory=None):
        return self.assert_weir(0, "backup complete", "backup", "--server",
                                f"127.0.0.1:{self.server.port}", directory or self.backup_dir)

    def fill(self, count=2000):
        with self.server.client() as client:
            client.store([("SET", f"key:{i}", "v" * 100) for i in range(count)])
            client.store([("SET", f"mortal:{i}", "v", "EX", 100_000) for i in range(count // 4)])

    # Done under load.

    def load_and_back_up(self, config, one_database):
        self.start(config=config)
        self.fill()
        writers = [LoadedWriter(i, SEED + i, one_database) for i in range(4)]
        pairs = [Pair(self.server.port, f"first:{i}", f"second:{i}") for i in range(8)]
        threads = [threading.Thread(target=w.run, args=(self.server.port,)) for w in writers]
        for thread in threads + pairs:
            thread.start()

        def everybody_moved(since):
            return all(len(w.acknowledged_commands) > n + 100 or w.error
                       for w, n in zip(writers, since))
        weir_process.wait_until(lambda: everybody_moved([0] * 4), "writes before the backup")
        before = [len(w.acknowledged_commands) for w in writers]
        pairs_before = [p.count for p in pairs]
        done = self.backup()
        after = [len(w.acknowledged_commands) + crash_campaign.BATCH for w in writers]
        weir_process.wait_until(lambda: everybody_moved(after), "writes after the backup")
        for worker in writers + pairs:
            worker.stop = True
        for thread in threads + pairs:
            thread.join()
        self.assertEqual([w.error for w in writers], [None] * 4)
        self.assertEqual(self.server.stop(), 0)
        return writers, before, after, pairs_before, done

    def check_restored(self, writers, before, after, pairs_before):
        with self.server.client() as client:
            for writer, low, high in zip(writers, before, after):
                values = client.command("MGET", *writer.all_keys)
                found = {k: v for k, v in zip(writer.all_keys, values) if v is not None}
                writer.check(found, low, high)
            for i, count in enumerate(pairs_before):
                first, second = (int(client.command("GET", f"{name}:{i}") or 0)
                                 for name in ("first", "second"))
                self.assertGreaterEqual(second, count)
                self.assertIn(first - second, (0, 1), "the cut is not one moment")
            for i in range(2000):
                self.assertEqual(client.command("GET", f"key:{i}"), b"v" * 100)
            self.assertGreater(client.command("TTL", "mortal:499"), 90_000)

    def test_a_backup_under_load_is_a_state_between_its_start_and_end(self):
        *facts, done = self.load_and_back_up("", one_database=True)
        held = float(re.search(r"held for ([0-9.]+) ms", done.stdout)[1])
        self.assertLess(held, 2000, "writes were held for long")
        print(f"one directory: writes held for {held} ms", file=sys.stderr)
        self.assert_weir(0, "all is right", "verify", "--data", self.backup_dir)
        new = os.path.join(self.scratch, "restored", "data")
        os.makedirs(os.path.dirname(new))
        self.assert_weir(0, "restored: ", "restore", self.backup_dir, "--data", new)
        self.assert_weir(0, "all is right", "verify", "--data", new)
        self.start("restored")
        self.check_restored(*facts)

    def test_several_data_directories_are_cut_at_one_moment(self):
        *facts, done = self.load_and_back_up(two_directories("."), one_database=False)
        print(f"two directories: {done.stdout.strip()}", file=sys.stderr)
        self.assert_weir(0, "all is right", "verify", "--data", self.backup_dir)
        # One directory does not do: what would is shown.
        self.assert_weir(1, "[[shard]]", "restore", self.backup_dir, "--data", "nowhere")
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "nowhere")))
        os.makedirs(os.path.join(self.scratch, "restored"))
        config = two_directories(os.path.join(self.scratch, "restored"))
        path = os.path.join(self.scratch, "restored.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        self.assert_weir(0, "restored: ", "restore", self.backup_dir, "--config", path)
        self.assert_weir(0, "all is right", "verify", "--config", path)
        self.assert_weir(1, "is not empty", "restore", self.backup_dir, "--config", path)
        self.start("restored", config=config)
        self.check_restored(*facts)
        self.server.stop()
        # A directory that has gone is missed, not made anew.
        shutil.rmtree(os.path.join(self.scratch, "restored", "two"))
        with self.assertRaisesRegex(RuntimeError, "is empty, but the other directories hold data"):
            self.start("restored", config=config)

    def test_the_check_finds_a_state_that_never_was(self):
        writer = LoadedWriter(0, SEED, one_database=True)
        writer.acknowledged_commands = [writer.next_command() for _ in range(200)]
        state = {}
        for words in writer.acknowledged_commands[:100]:
            crash_campaign.apply(state, words)
        writer.check(copy.copy(state), 50, 150)
        for low, high in ((120, 150), (0, 80)):
            with self.assertRaises(crash_campaign.Violation):
                writer.check(copy.copy(state), low, high)
        group = next(g for g in writer.groups if g[0] in state)
        state[group[0]] = b"half an MSET"
        with self.assertRaises(crash_campaign.Violation):
            writer.check(state, 50, 150)

    # What is refused.

    def test_places_where_no_backup_may_lie_are_refused_and_nothing_is_left_there(self):
        self.start()
        self.fill(10)
        full = os.path.join(self.scratch, "full")
        os.makedirs(os.path.join(full, "something"))
        data = os.path.join(self.server.directory, "data")
        server = ("backup", "--server", f"127.0.0.1:{self.server.port}")
        self.assert_weir(1, "is not empty", *server, full)
        self.assert_weir(1, "lies in the data directory", *server, os.path.join(data, "x"))
        self.assert_weir(1, "lies in it", *server, self.server.directory)
        self.assert_weir(1, "cannot make", *server, os.path.join(self.scratch, "no", "x"))
        os.makedirs(self.backup_dir + ".partial")
        self.assert_weir(1, "remove it", *server, self.backup_dir)
        os.rmdir(self.backup_dir + ".partial")
        os.makedirs(self.backup_dir)  # An empty one will do.
        self.backup()
        self.assertEqual(sorted(os.listdir(self.scratch)), ["backup", "full", "weir"])
        self.assertEqual(self.database_files(), ["FORMAT", "LOCK", "rocksdb"])
        with self.server.client() as client:
            self.assertRegex(client.command("WEIR.BACKUP", "START", "relative").decode(),
                             "^ERR cannot back up into relative: give the whole path")
            self.assertEqual(client.command("WEIR.BACKUP", "CANCEL"), b"ERR no backup is running")
        self.assert_weir(1, "is a backup", "serve", "--data", self.backup_dir)

    def test_a_store_in_memory_has_nothing_to_back_up(self):
        self.server = weir_process.Weir(WEIR, os.path.join(self.scratch, "weir"),
                                        "--store", "memory")
        self.assert_weir(1, "nothing to back up", "backup", "--server",
                         f"127.0.0.1:{self.server.port}", self.backup_dir)

    def test_where_there_are_users_it_takes_one_with_the_right_admin(self):
        hashed = subprocess.run([os.path.abspath(WEIR), "user", "hash"], input="secret\n",
                                capture_output=True, text=True, check=True, timeout=60).stdout
        self.start(config=f'[[user]]\nname = "op"\n{hashed}rights = ["admin"]\n'
                          f'[[user]]\nname = "app"\n{hashed}')
        password = os.path.join(self.server.directory, "password")
        server = ("backup", "--server", f"127.0.0.1:{self.server.port}")
        def write(text):
            with open(password, "w", encoding="utf-8") as file:
                file.write(text)
        self.assert_weir(1, "NOAUTH", *server, self.backup_dir)
        write("wrong\n")
        self.assert_weir(1, "WRONGPASS", *server, "--user", "op", "--password-file", password,
                         self.backup_dir)
        write("secret\nand what is not the first line\n")
        self.assert_weir(1, "NOPERM", *server, "--user", "app", "--password-file", password,
                         self.backup_dir)
        self.assert_weir(1, "no password can be read", *server, "--user", "op",
                         "--password-file", password + ".absent", self.backup_dir)
        self.assertFalse(os.path.exists(self.backup_dir))
        self.assert_weir(0, "backup complete", *server, "--user", "op", "--password-file",
                         password, self.backup_dir)
        done = subprocess.run([os.path.abspath(WEIR), *server, "--user", "op", "--password-file",
                               "-", self.backup_dir + "2"], input="secret\n", capture_output=True,
                              text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, "backup complete" in done.stdout + done.stderr),
                         (0, True), done)

    def test_usage_errors_are_2_and_failures_1(self):
        self.assert_weir(2, "--server", "backup", "--server", "nonsense", "x")
        self.assert_weir(2, "DIR", "backup")
        self.assert_weir(2, "together", "backup", "--user", "u", "x")
        self.assert_weir(2, "say where the data is", "verify")
        self.assert_weir(2, "say where the data is", "restore", "x")
        self.assert_weir(1, "start weir there", "backup", "--server", "127.0.0.1:1", "x")
        self.assert_weir(1, "there is no data directory", "verify", "--data", "absent")
        self.assert_weir(1, "is not a complete backup", "restore", "absent", "--data", "new")
        self.assertEqual(os.listdir(self.scratch), [])

    # What goes wrong.

    def test_a_full_device_is_an_error_and_leaves_nothing(self):
        self.start()
        self.fill(30_000)
        # No table can be written, be it of the database or of the backup: as on a full device.
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        done = self.assert_weir(1, "no backup was made: ", "backup", "--server",
                                f"127.0.0.1:{self.server.port}", self.backup_dir)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(os.listdir(self.scratch), ["weir"])
        with self.server.client() as client:
            self.assertEqual(client.command("GET", "key:1"), b"v" * 100)

    def test_a_killed_server_leaves_nothing_that_looks_complete(self):
        self.start()
        self.fill(30_000)
        with self.server.client() as client:
            self.assertEqual(client.command("WEIR.BACKUP", "START", self.backup_dir), b"OK")
            self.server.kill()
        self.assertFalse(os.path.exists(self.backup_dir))
        self.start()
        self.assertEqual(self.database_files(), ["FORMAT", "LOCK", "rocksdb"])
        if os.path.exists(self.backup_dir + ".partial"):
            self.assert_weir(1, "is not a complete backup", "restore",
                             self.backup_dir + ".partial", "--data", "new")

    def test_an_interrupted_client_cancels_the_backup(self):
        self.start()
        self.fill(30_000)
        client = subprocess.Popen(
            [os.path.abspath(WEIR), "backup", "--server", f"127.0.0.1:{self.server.port}",
             self.backup_dir], cwd=self.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with self.server.client() as connection:
            weir_process.wait_until(
                lambda: b"none" not in connection.command("WEIR.BACKUP", "STATUS")[1],
                "the backup has begun")
        client.send_signal(signal.SIGINT)
        out, error = client.communicate(timeout=weir_process.DEADLINE_SECONDS)
        complete = client.returncode == 0  # It may have been too late to stop it.
        self.assertEqual(os.path.exists(self.backup_dir), complete, (out, error))
        self.assertFalse(os.path.exists(self.backup_dir + ".partial"))
        if not complete:
            self.assertIn(b"cancelled", error)

    def make_backup_and_stop(self):
        self.start()
        self.fill()
        self.backup()
        self.assertEqual(self.server.stop(), 0)

    def test_a_damaged_backup_is_found_and_not_restored(self):
        self.make_backup_and_stop()
        folder = os.path.join(self.backup_dir, "database-0")
        name = max(os.listdir(folder), key=lambda n: os.path.getsize(os.path.join(folder, n)))
        path = os.path.join(folder, name)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.assert_weir(1, name, "verify", "--data", self.backup_dir)
        self.assert_weir(1, "is damaged", "restore", self.backup_dir, "--data", "new")
        self.assert_weir(1, "was not finished", "serve", "--data", "new")
        os.remove(path)
        self.assert_weir(1, "is missing", "verify", "--data", self.backup_dir)
        self.assert_weir(1, "is missing", "restore", self.backup_dir, "--data", "newer")
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "newer")))

    def test_a_damaged_data_directory_is_found(self):
        self.make_backup_and_stop()
        data = os.path.join(self.server.directory, "data")
        self.assert_weir(0, "all is right", "verify", "--data", data)
        self.start()
        self.assert_weir(1, "is in use by another weir", "verify", "--data", data)
        self.server.stop()
        tables = [os.path.join(data, "rocksdb", n) for n in os.listdir(f"{data}/rocksdb")
                  if n.endswith(".sst")]
        path = max(tables, key=os.path.getsize)
        with open(path, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)[0]
            file.seek(1000)
            file.write(bytes([byte ^ 128]))
        done = self.assert_weir(1, "checksum", "verify", "--data", data)
        self.assertIn("restore the last backup", done.stderr)


if __name__ == "__main__":
    WEIR = kill9_test.WEIR = sys.argv.pop(1)
    unittest.main()
