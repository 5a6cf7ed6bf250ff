#!/usr/bin/python3
"""Goal: data that is in one directory grows to others while clients go on, and stays whole.

Method: the real binary. Directories are added, ranges moved there under a client that checks all it
reads, and the server is started again with the same command line. It is killed at each step of an
addition: what was not acknowledged has changed nothing, unless the next start says so, and the next
try succeeds. What may not be added is refused; directories that change places are found out.

    shard_add_test.py WEIR
"""

import json
import os
import shutil
import subprocess
import sys
import unittest

import shard_test
import weir_process

WEIR = ""
HALF = "8000000000000000"


class Adding(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.scratch = os.path.realpath(scratch.name)
        self.directory = os.path.join(self.scratch, "weir")

    def start(self, **options):
        server = weir_process.Weir(WEIR, self.directory, "--shards", "1", *weir_process.PATIENT,
                                   **options)
        self.addCleanup(server.kill)
        return server

    def run_weir(self, *words):
        return subprocess.run([WEIR, *words], capture_output=True, text=True, timeout=60,
                              check=False, cwd=self.directory)

    def shard(self, server, *words):
        done = self.run_weir("shard", "--server", f"127.0.0.1:{server.port}", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def path(self, name):
        return os.path.join(self.scratch, name)

    def places(self, server):
        listed = json.loads(self.shard(server, "list", "--json"))
        return [shard["place"] for shard in listed["shards"]]

    def verify(self, *words):
        done = self.run_weir("verify", *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_one_directory_grows_to_three_under_clients_and_starts_again(self):
        state = {}
        server = self.start()
        writer = shard_test.Writer(server, state, 1)
        writer.start()
        told = self.shard(server, "add", self.path("second"))
        self.assertIn(f"shard 1 in {self.path('second')}", told)
        self.assertIn("CROSSSLOT", told)
        added = json.loads(self.shard(server, "add", self.path("third"), "--json"))
        self.assertEqual(added, {"shard": 2, "place": self.path("third")})
        places = ["data", self.path("second"), self.path("third")]
        self.assertEqual(self.places(server), places)
        self.shard(server, "split", "0")
        self.shard(server, "split", HALF)
        self.shard(server, "move", HALF, "1")
        self.shard(server, "move", "c" + HALF[1:], "2")
        writer.stop()
        self.assertIsNone(writer.error)
        self.assertGreater(writer.commands, 0)
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), len(state))
        self.assertIn('weir_db_healthy{database="2"}', server.metrics())
        self.back_up_and_restore(server, len(state))
        server.kill()
        server = self.start()
        self.assertEqual(self.places(server), places)
        self.check(server, state)
        with server.client() as client:
            client.command("FLUSHALL")
            self.assertEqual(client.command("DBSIZE"), 0)
        self.assertEqual(server.stop(), 0)
        self.verify("--data", "data")

    def back_up_and_restore(self, server, keys):
        backup = self.path("backup")
        done = self.run_weir("backup", backup, "--server", f"127.0.0.1:{server.port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.verify("--data", backup)
        sections = "".join(f'[[shard]]\nname = "s{i}"\ndata = "{self.path("back")}{i}"\n'
                           for i in range(3))
        config = self.path("back.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(sections)
        done = self.run_weir("restore", backup, "--config", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.verify("--config", config)
        with weir_process.Weir(WEIR, self.path("restored"), config=sections) as restored:
            with restored.client() as client:
                self.assertEqual(client.command("DBSIZE"), keys)
            self.assertEqual(restored.stop(), 0)

    def check(self, server, state):
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), len(state))
            for key, value in state.items():
                self.assertEqual(client.command("GET", key), value)

    def test_kill_9_at_each_step_leaves_it_added_or_not(self):
        for step, added in (("add_made", 1), ("add_marked", 1), ("add_kept", 2)):
            with self.subTest(step=step):
                self.directory = self.path(step)
                second = self.path(step + ".second")
                server = self.start(env={"WEIR_FAILPOINT": f"{step}:1"})
                with server.client() as client:
                    self.assertEqual(client.command("SET", "key", step), b"OK")
                    with self.assertRaises((EOFError, OSError)):
                        client.command("WEIR.SHARD", "ADD", second)
                server.wait()
                server.expect_signal()
                server = self.start()
                self.assertEqual(len(self.places(server)), added)
                with server.client() as client:
                    if added == 1:
                        self.assertEqual(client.command("WEIR.SHARD", "ADD", second), 1)
                    self.assertEqual(client.command("GET", "key"), step.encode())
                self.shard(server, "move", "0", "1")
                server.kill()
                server = self.start()
                self.assertEqual(self.places(server), ["data", second])
                self.check(server, {b"key": step.encode()})
                self.assertEqual(server.stop(), 0)
                self.verify("--data", "data")

    def test_what_is_no_place_for_a_shard_is_refused(self):
        other = weir_process.Weir(WEIR, self.path("other"), "--shards", "1")
        self.addCleanup(other.kill)
        with open(os.path.join(self.scratch, "file"), "w", encoding="utf-8") as file:
            file.write("no directory")
        server = self.start()
        os.mkdir(self.path("full"))
        with open(self.path("full/note"), "w", encoding="utf-8") as file:
            file.write("of somebody")
        data = os.path.join(self.directory, "data")
        refused = [("postgres://host/base", b"no driver for this URL"),
                   ("second", b"the whole path"),
                   (data, b"a shard of this server already"),
                   (data + "/second", b"lies in the data directory"),
                   (self.directory, b"lies in it"),
                   (self.path("with\nnewline"), b"a control character"),
                   (self.path("with\0nul"), b"a control character"),
                   ("/" + 5000 * "x", b"too long"),
                   (self.path("none/second"), b"No such file"),
                   (self.path("file"), b"file"),
                   (self.path("full"), b"holds note but no FORMAT"),
                   (self.path("other/data"), b"in use by another weir")]
        with server.client() as client:
            for place, why in refused:
                reply = client.command("WEIR.SHARD", "ADD", place)
                self.assertIsInstance(reply, weir_process.ErrorReply, place)
                self.assertIn(why, reply)
            self.assertEqual(os.listdir(self.path("full")), ["note"])
            self.assertEqual(other.stop(), 0)
            reply = client.command("WEIR.SHARD", "ADD", self.path("other/data"))
            self.assertIn(b"holds data of a weir already", reply)
            self.assertEqual(len(client.command("WEIR.SHARD", "LIST")[1]), 1)
        self.assertEqual(self.run_weir("shard", "add", "").returncode, 2)
        self.assertEqual(server.stop(), 0)

    def test_where_a_power_cut_may_undo_it_nothing_is_added(self):
        server = self.start(config='[server]\ndurability = "os"\n')
        with server.client() as client:
            self.assertIn(b"durability", client.command("WEIR.SHARD", "ADD", self.path("second")))
        self.assertFalse(os.path.exists(self.path("second")))
        self.assertEqual(server.stop(), 0)

    def test_one_directory_is_not_opened_under_two_names(self):
        os.makedirs(self.path("real"))
        os.symlink(self.path("real"), self.path("link"))
        sections = (f'[[shard]]\nname = "a"\ndata = "{self.path("real")}"\n'
                    f'[[shard]]\nname = "b"\ndata = "{self.path("link")}"\n')
        with self.assertRaisesRegex(RuntimeError, "are one"):
            weir_process.Weir(WEIR, self.directory, config=sections)

    def test_what_was_added_is_not_served_by_another_weir(self):
        server = self.start()
        os.mkdir(self.path("other"))
        self.shard(server, "add", self.path("other/data"))
        self.assertEqual(server.stop(), 0)
        with self.assertRaisesRegex(RuntimeError, "was added as shard 1 to the data that begins"):
            weir_process.Weir(WEIR, self.path("other"), "--shards", "1")
        # What it says to do where the list is lost, does.
        listed = os.path.join(self.directory, "data", "shards.txt")
        with open(listed, encoding="utf-8") as file:
            line = file.readlines()[1].rstrip()
        os.remove(listed)
        sections = '[[shard]]\nname = "a"\ndata = "data"\n[[shard]]\nname = "b"\ndata = "{}"\n'
        with self.assertRaises(RuntimeError) as refused:
            weir_process.Weir(WEIR, self.directory,
                              config=sections.format(self.path("other/data")))
        self.assertIn(line, str(refused.exception).replace("\\", ""))
        os.mkdir(listed)  # Which cannot be read.
        with self.assertRaises(RuntimeError):
            self.start()
        os.rmdir(listed)
        with open(listed, "w", encoding="utf-8") as file:
            file.write(f"weir-added-shards 1\n{line}\n")
        server = self.start()
        self.assertEqual(self.places(server), ["data", self.path("other/data")])
        self.assertEqual(server.stop(), 0)

    def test_directories_that_change_places_are_found_out(self):
        server = self.start()
        for name in ("second", "third"):
            self.shard(server, "add", self.path(name))
        self.assertEqual(server.stop(), 0)
        os.rename(self.path("second"), self.path("aside"))
        with self.assertRaisesRegex(RuntimeError, "is empty, but the other directories hold data"):
            self.start()
        shutil.rmtree(self.path("second"))  # The failed start made it.
        os.rename(self.path("third"), self.path("second"))
        os.rename(self.path("aside"), self.path("third"))
        with self.assertRaisesRegex(RuntimeError, "not the one that was added as shard 1"):
            self.start()
        self.assertEqual(self.run_weir("verify", "--data", "data").returncode, 1)
        # Whoever knows where they are now may say so.
        listed = os.path.join(self.directory, "data", "shards.txt")
        with open(listed, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("second", "x").replace("third", "second").replace("/x", "/third")
        with open(listed, "w", encoding="utf-8") as file:
            file.write(text)
        server = self.start()
        self.assertEqual(self.places(server), ["data", self.path("third"), self.path("second")])
        self.assertEqual(server.stop(), 0)

    def test_the_configuration_may_name_what_was_added(self):
        server = self.start()
        self.shard(server, "add", self.path("second"))
        self.assertEqual(server.stop(), 0)
        sections = '[[shard]]\nname = "a"\ndata = "data"\n[[shard]]\nname = "b"\ndata = "{}"\n'
        with self.assertRaisesRegex(RuntimeError, "was added as"):
            weir_process.Weir(WEIR, self.directory,
                              config=sections.format(self.path("elsewhere")))
        with weir_process.Weir(WEIR, self.directory,
                               config=sections.format(self.path("second"))) as server:
            self.assertEqual(self.places(server), ["data", self.path("second")])
            self.assertEqual(server.stop(), 0)

    def test_a_transaction_about_all_keys_is_refused_once_they_are_in_two_directories(self):
        server = self.start()
        with server.client() as first, server.client() as second:
            for number in range(100):
                first.command("SET", f"key{number}", number)
            for words in (("MULTI",), ("FLUSHALL",)):
                first.command(*words)
            self.assertEqual(second.command("WEIR.SHARD", "ADD", self.path("second")), 1)
            self.shard(server, "move", "0", "1")
            self.assertIn(b"CROSSSLOT", first.command("EXEC"))
            self.assertEqual(second.command("DBSIZE"), 100)
            first.command("MULTI")
            self.assertIsInstance(first.command("FLUSHALL"), weir_process.ErrorReply)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
