#!/usr/bin/python3
"""Goal: kill -9 at any moment loses no acknowledged write and half-applies none.

Method: a short crash_campaign.py, of random kills and of kills at each step of a commit. Faults
planted by the harness show that each of its checks can fail.

    kill9_test.py WEIR [CYCLES]
"""

import os
import shutil
import subprocess
import sys
import time
import unittest

import crash_campaign
import weir_process

WEIR = ""
CYCLES = 200
SEED = 20261123


class Kill9(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.server = None
        self.addCleanup(lambda: self.server and self.server.kill())

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB",
                                        *weir_process.PATIENT)
        return self.server

    def test_no_acknowledged_write_is_lost_in_many_kills(self):
        campaign = crash_campaign.Campaign(WEIR, self.directory, SEED)
        self.addCleanup(campaign.stop)
        began = time.monotonic()
        for _ in range(CYCLES):
            campaign.cycle()
        print(f"{campaign.kills}, {campaign.history.writes} acknowledged writes, 0 lost, "
              f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        self.assertEqual(campaign.history.cycles, CYCLES)
        if CYCLES >= 100:
            self.assertNotIn(0, campaign.kills.values())

    def test_a_failpoint_that_is_none_is_refused(self):
        for text in "", "pre_reply", "pre_reply:0", "reply:1", "pre_commit:1x":
            done = subprocess.run(
                [WEIR, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                 "--data", self.directory], env={**os.environ, "WEIR_FAILPOINT": text}, check=False,
                capture_output=True, text=True, timeout=weir_process.DEADLINE_SECONDS)
            self.assertEqual(done.returncode, 1, text)
            self.assertIn("write pre_commit, post_commit, pre_publish or pre_reply", done.stderr)

    def find_violation(self, plant):
        """Runs cycles with a planted fault; returns what the check says."""
        history = crash_campaign.History(SEED + 1)
        self.start()
        history.run_until_killed(self.server, 1000)
        history.check(self.start())
        plant(history)
        with self.assertRaises(crash_campaign.Violation) as caught:
            history.check(self.server)
        return str(caught.exception)

    def test_the_check_finds_writes_that_a_rolled_back_log_has_lost(self):
        def plant(history):
            self.server.kill()
            saved = self.directory + ".saved"
            shutil.copytree(self.directory, saved)
            history.run_until_killed(self.start(), 300)
            shutil.rmtree(self.directory)
            os.rename(saved, self.directory)
            self.start()
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_a_log_without_its_newest_part(self):
        def plant(history):
            self.server.kill()
            logs = os.path.join(self.directory, "data", "rocksdb")
            history.run_until_killed(self.start(), 1500)
            newest = max((os.path.join(logs, name) for name in os.listdir(logs)
                          if name.endswith(".log")), key=lambda name: int(
                              os.path.splitext(os.path.basename(name))[0]))
            os.truncate(newest, os.path.getsize(newest) * 2 // 3)
            self.start()  # A log that ends too early is what an honest power cut leaves.
        self.assertIn("no prefix", self.find_violation(plant))

    def plant_command(self, *words):
        def plant(history):
            with self.server.client() as client:
                first = history.writers[0]
                client.command(*(word(first) if callable(word) else word for word in words))
        return plant

    def test_the_check_finds_half_an_mset(self):
        plant = self.plant_command("SET", lambda w: w.groups[0][1], "older")
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_half_a_transaction(self):
        def plant(history):
            writer = history.writers[0]
            with self.server.client() as client:
                client.command("SET", writer.keys[0], "new")
            writer.pending.append(("EXEC", None, (("SET", writer.keys[0], b"new"),
                                                  ("SET", writer.keys[1], b"new"))))
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_a_key_that_came_back(self):
        plant = self.plant_command("SET", lambda w: next(k for k in w.keys + ["none"]
                                                         if k not in w.acknowledged), "back")
        self.find_violation(plant)

    def test_the_check_finds_an_increment_applied_twice(self):
        plant = self.plant_command("INCR", crash_campaign.SHARED)
        self.assertIn("shared counter", self.find_violation(plant))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        CYCLES = int(sys.argv.pop(1))
    unittest.main()
