#!/usr/bin/python3
"""Goal: what an earlier version of weir stored is opened by this one, for ever.

Method: tests/golden/format-N holds data directories and a backup as format N was first released,
made by tests/golden/make.py. Each is copied, verified, served, and compared key by key.

    golden_test.py WEIR
"""

import os
import shutil
import subprocess
import sys
import unittest

import weir_process

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
sys.path.insert(0, GOLDEN)
import make  # noqa: E402

WEIR = ""


class Golden(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        with open(os.path.join(self.scratch, "weir.toml"), "w", encoding="utf-8") as file:
            file.write(make.config())

    def weir(self, *arguments):
        done = subprocess.run([os.path.abspath(WEIR), *arguments], cwd=self.scratch,
                              capture_output=True, text=True, check=False,
                              timeout=weir_process.DEADLINE_SECONDS)
        self.assertEqual(done.returncode, 0, (arguments, done.stdout, done.stderr))
        return done.stdout

    def check_served(self):
        contents = make.contents()
        with weir_process.Weir(WEIR, self.scratch, "--memory", "64MiB",
                               config=make.config()) as server:
            with server.client() as client:
                self.assertEqual(client.command("DBSIZE"), len(contents))
                for key, (value, expires_ms) in contents.items():
                    self.assertEqual(client.command("GET", key), value, key)
                    self.assertEqual(client.command("PEXPIRETIME", key), expires_ms or -1, key)
                scanned, cursor = [], b"0"
                while True:
                    cursor, page = client.command("SCAN", cursor, "COUNT", "50")
                    scanned += page
                    if cursor == b"0":
                        break
                self.assertEqual(sorted(scanned), sorted(contents))
                # It can be written to, and versions go on from where they were.
                self.assertEqual(client.command("INCR", "number"), -9223372036854775807)
                self.assertEqual(client.command("DEL", *contents), len(contents))
                self.assertEqual(client.command("DBSIZE"), 0)
            self.assertEqual(server.stop(), 0)
        self.assertIn("verified: 0 records", self.weir("verify", "--config", "weir.toml"))

    def test_data_directories_of_format_1_are_served(self):
        shutil.copytree(os.path.join(GOLDEN, "format-1", "data"), self.scratch,
                        dirs_exist_ok=True)
        self.assertIn(f"verified: {len(make.contents())} records, 22 with expiry",
                      self.weir("verify", "--config", "weir.toml"))
        self.check_served()

    def test_a_backup_of_format_1_is_restored(self):
        backup = os.path.join(self.scratch, "backup")
        shutil.copytree(os.path.join(GOLDEN, "format-1", "backup"), backup)
        self.assertIn("all is right", self.weir("verify", "--data", backup))
        self.weir("restore", backup, "--config", "weir.toml")
        self.check_served()


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
