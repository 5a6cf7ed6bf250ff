#!/usr/bin/python3
"""Goal: what the configuration says of limits holds for the whole server.

Method: a real weir for each setting, asked over the wire.

    limits_server_test.py WEIR
"""

import os
import re
import sys
import unittest

import weir_process

WEIR = ""

# Errors that limit_docs_test provokes.
FROM_THE_GATEWAY = {b"ERR syntax error",
                    b"ERR this server's limit policies cannot be changed while it runs",
                    b"ERR there is no limit policy '*'",
                    b"ERR limit policy '*' concerns no request of its own accord, and those that "
                    b"name it are not noted",
                    b"ERR how long databases work for a request is not noted",
                    b"ERR of users 24 bytes are noted and of keys 32; the policy names more"}


def fits(text, pattern):
    """Whether the text is the pattern, in which `*` is any text."""
    return re.fullmatch(b".*".join(map(re.escape, pattern.split(b"*"))), text) is not None


class LimitsServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name

    def test_what_is_kept_no_more_is_forgotten(self):
        left = []
        for every in ("1h", "0", "1h"):
            with weir_process.Weir(WEIR, self.folder,
                                   "--limits-kept-every", every) as weir:
                with weir.client() as client:
                    left.append(client.command("LIMIT.PEEK", "k", "RATE", "10/365d")[1])
                    client.command("LIMIT.CHECK", "k", "RATE", "10/365d", "COST", 4)
                self.assertEqual(weir.stop(), 0)
        self.assertEqual(left, [10, 10, 10])

    def test_newcomers_where_buckets_take_all_their_memory(self):
        seen = {}
        for crowded in ("share", "deny", "allow"):
            config = f'[server]\nlimits_crowded = "{crowded}"\n'
            with weir_process.Weir(WEIR, os.path.join(self.folder, crowded), "--store", "memory",
                                   "--memory", "64mb", config=config) as weir:
                with weir.client() as client:
                    seen[crowded] = self.fill(weir, client)
        share, deny, allow = seen["share"], seen["deny"], seen["allow"]
        self.assertGreater(share["evicted"], 0)
        self.assertEqual((share["denied"], share["allowed"]), (0, 0))
        self.assertGreater(deny["denied"], 0)
        self.assertGreater(deny["refused"], 0)
        self.assertEqual((deny["evicted"], deny["allowed"], deny["first"]), (0, 0, 0))
        self.assertGreater(allow["allowed"], 0)
        self.assertEqual((allow["evicted"], allow["denied"], allow["first"], allow["refused"]),
                         (0, 0, 0, 0))

    def fill(self, weir, client):
        """Takes from more buckets than there are places; returns what became of that."""
        places = weir.metrics()["weir_ratelimit_buckets_max"]
        count, refused = 0, 0
        while count < places:
            commands = []
            for _ in range(500):
                words = []
                for _ in range(8):
                    words += ["AND", f"k{count}", "RATE", "1/h"]
                    count += 1
                commands.append(["LIMIT.CHECK"] + words[1:])
            refused += sum(reply[0] == 0 for reply in client.pipeline(commands))
        metrics = weir.metrics()
        name = "weir_ratelimit_buckets"
        return {"refused": refused, "evicted": metrics[f"{name}_evicted_total"],
                "denied": metrics[name + '_crowded_total{decision="denied"}'],
                "allowed": metrics[name + '_crowded_total{decision="allowed"}'],
                "first": client.command("LIMIT.CHECK", "k0", "RATE", "1/h")[0]}

    def test_what_is_wrong_with_the_parameters_of_a_policy_is_as_told(self):
        tails = [["rates", "1/s"], ["rate", "1/s", "colour", "red"],
                 ["rate", "1/s", "rate", "1/s"], ["rate", "fast"]]
        config = '[[limit]]\nname = "api"\ncommands = "none"\nrate = "1/s"\n'
        weir = weir_process.Weir(WEIR, self.folder, "--store", "memory", config=config)
        self.addCleanup(weir.kill)
        with weir.client() as client:
            for name, given in (("LIMIT.POLICY|SET", tails), ("LIMIT.WHATIF", tails),
                                ("LIMIT.POLICY|DEL", [[]])):
                docs = client.command("COMMAND", "DOCS", name)[1]
                told = dict(zip(docs[::2], docs[1::2]))[b"errors"]
                replies = [client.command(*name.split("|"), "api", *tail) for tail in given]
                for reply in replies:
                    self.assertTrue(any(fits(reply, error) for error in told), reply)
                for error in set(told) - FROM_THE_GATEWAY:
                    self.assertTrue(any(fits(reply, error) for reply in replies), error)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main(verbosity=2)
