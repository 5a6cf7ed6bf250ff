#!/usr/bin/python3
"""Goal: the weir program answers its command line with the right text and exit code.

Method: the real binary, run in an empty temporary directory.

    cli_test.py WEIR CONFIGURATION_MD
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

WEIR = ""
CONFIGURATION_MD = ""


class CommandLine(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def write(self, text, name="weir.toml"):
        with open(f"{self.directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def run_weir(self, *arguments):
        return subprocess.run([WEIR, *arguments], cwd=self.directory, capture_output=True,
                              text=True, timeout=30, check=False)

    def assert_usage_error(self, done, *texts):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_help_lists_the_subcommands(self):
        done = self.run_weir("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("serve", "check", "ring", "shard", "backup", "restore", "verify", "bench",
                     "user", "docs", "version", "help"):
            self.assertIn(f"\n  {word} ", done.stdout)
        self.assertEqual(self.run_weir("help").stdout, done.stdout)

    def test_help_of_serve_lists_every_flag_with_its_default(self):
        done = self.run_weir("help", "serve")
        self.assertEqual(done.returncode, 0)
        for flag in ("config", "listen", "admin", "data", "shards", "memory", "threads",
                     "durability"):
            self.assertIn(f"--{flag} ", done.stdout)
        self.assertIn("127.0.0.1:6390", done.stdout)
        self.assertIn("loopback only without --admin-token-file.", done.stdout)
        self.assertNotRegex(done.stdout, "`|[a-z]_[a-z]")
        self.assertEqual(self.run_weir("serve", "--help").stdout, done.stdout)

    def test_help_of_bench_shows_no_types_of_the_parser(self):
        done = self.run_weir("help", "bench")
        self.assertNotRegex(done.stdout, "UINT|FLOAT|TEXT")
        self.assertRegex(done.stdout, r"--connections N=50 +Connections, of all threads. "
                                      r"From 1 to 100000.")

    def test_help_of_nothing_known_is_a_usage_error(self):
        self.assert_usage_error(self.run_weir("help", "swim"), "no subcommand 'swim'")

    def test_version(self):
        for words in ("version", "--version"):
            with self.subTest(words):
                done = self.run_weir(words)
                self.assertEqual(done.returncode, 0)
                self.assertRegex(done.stdout, r"^weir \d+\.\d+\.\d+\n$")

    def test_ring_tells_owners_and_moves_offline(self):
        done = self.run_weir("ring", "owner", "--nodes", "1,2=2,3", "foo", "{foo}:1", "bar")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "foo  slot 12182  node 2\n{foo}:1  slot 12182  node 2\n"
                                      "bar  slot 5061  node 2\n")
        done = self.run_weir("ring", "show", "--nodes", "1,2", "--save", "t")
        self.assertEqual(done.returncode, 0)
        done = self.run_weir("ring", "diff", "--table", "t", "--add", "3", "--weigh", "1=2",
                             "--json", "--save", "t2", "--svg", "t2.svg")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        change = json.loads(done.stdout)
        self.assertEqual(change["moved"], sum(run["last"] - run["first"] + 1
                                              for run in change["moves"]))
        self.assertEqual([node["slots"] for node in change["after"]["nodes"]], [8192, 4096, 4096])
        done = self.run_weir("ring", "show", "--table", "t2", "--json")
        self.assertEqual(json.loads(done.stdout), change["after"])
        with open(f"{self.directory}/t2.svg", encoding="utf-8") as picture:
            self.assertIn("4096 of 16384 slots move", picture.read())

    def test_ring_tells_where_memcached_keeps_a_key(self):
        # From the vectors of libmemcached's own tests.
        weights = (600, 300, 200, 350, 1000, 800, 950, 100)
        servers = ",".join(f"10.0.1.{i + 1}:11211={weight}" for i, weight in enumerate(weights))
        for like, server in (("libmemcached", "10.0.1.1:11211"), ("spy", "10.0.1.4:11211")):
            done = self.run_weir("ring", "ketama", "--like", like, "--servers", servers,
                                 "*/Z;?V(.\\8", "--json")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(json.loads(done.stdout), [
                {"key": "*/Z;?V(.\\8", "hash": 1422915503, "server": server}])
        done = self.run_weir("ring", "ketama", "--like", "twemproxy", "--hash-tag", "{}",
                             "--servers", "a:1=1=one,b:2=1=two", "x{apple}")
        self.assertRegex(done.stdout, r"^x\{apple\}  hash 1488911807  server [ab]:[12]\n$")
        for arguments, text in (
                (("--like", "ketama", "--servers", "a"), "--like is one of libketama, "),
                (("--like", "spy", "--servers", "a", "--hash", "sha"), "--hash is one of md5, "),
                (("--like", "spy", "--servers", "a=x"), "'a=x' is not a server"),
                (("--like", "spy", "--servers", "a,"), "a server needs an address")):
            self.assert_usage_error(self.run_weir("ring", "ketama", *arguments, "key"), text)

    def test_the_pictures_of_the_documentation_are_what_ring_draws(self):
        done = self.run_weir("ring", "show", "--nodes", "1=2,2,3", "--svg", "slots.svg",
                             "--save", "table")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_weir("ring", "diff", "--table", "table", "--add", "4", "--svg",
                             "slots-joined.svg")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("slots.svg", "slots-joined.svg"):
            with open(f"{self.directory}/{name}", encoding="utf-8") as drawn, \
                    open(f"{os.path.dirname(CONFIGURATION_MD)}/pictures/{name}",
                         encoding="utf-8") as documented:
                self.assertEqual(drawn.read(), documented.read())

    def test_ring_says_what_is_wrong(self):
        self.assert_usage_error(self.run_weir("ring", "show"), "--table FILE, --nodes LIST")
        self.assert_usage_error(self.run_weir("ring", "show", "--nodes", "1", "--table", "t"),
                                "once")
        self.assert_usage_error(self.run_weir("ring", "show", "--nodes", "1,x"),
                                "'x' is not a node")
        self.assert_usage_error(self.run_weir("ring", "diff", "--nodes", "1"), "--add")
        self.assert_usage_error(self.run_weir("ring", "diff", "--nodes", "1", "--remove", "2"),
                                "node 2 is unknown")
        self.write("weir-slot-table 1\n", "damaged")
        done = self.run_weir("ring", "show", "--table", "damaged")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("damaged: slot table: ", done.stderr)
        self.assertEqual(self.run_weir("ring", "show", "--table", "none").returncode, 1)

    def test_replay_prints_a_row_for_each_capacity(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "loop.txt")
            with open(trace, "w", encoding="ascii") as file:
                file.write("".join(f"{n % 1011}\n" for n in range(40440)))
            curve = os.path.join(folder, "loop.svg")
            rows = {}
            for policy in ("auto", "lru", "lirs"):
                result = self.run_weir("replay", "--trace", trace, "--entries", "256,512",
                                       "--policy", policy, "--curve", curve)
                self.assertEqual(result.returncode, 0, result.stderr)
                lines = result.stdout.splitlines()
                self.assertEqual(lines[0], "trace,capacity,policy,hit_ratio,byte_hit_ratio")
                self.assertTrue(lines[1].startswith(f"loop,256,{policy},"))
                self.assertTrue(lines[2].startswith(f"loop,512,{policy},"))
                rows[policy] = float(lines[2].split(",")[3])
            self.assertEqual(rows["lru"], 0)
            self.assertGreater(rows["auto"], rows["lirs"] - 6)
            with open(curve, encoding="ascii") as file:
                self.assertIn("</svg>", file.read())

    def test_replay_says_what_is_wrong(self):
        for arguments in (("--trace", "none"), ("--trace", "none", "--entries", "5"),
                          ("--trace", "-", "--entries", "0")):
            result = self.run_weir("replay", *arguments)
            self.assertNotEqual(result.returncode, 0)
            self.assertNotEqual(result.stderr, "")

    def test_user_hash_prints_a_line_that_the_configuration_takes(self):
        done = subprocess.run([WEIR, "user", "hash"], input="open sesame\n", capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout,
                         r'^password = "\$argon2id\$v=19\$m=12288,t=3,p=1\$[^"]+"\n$')
        name = self.write('[server]\nlisten = "0.0.0.0:6390"\n[[user]]\nname = "me"\n'
                          + done.stdout)
        self.assertEqual(self.run_weir("check", name).returncode, 0)

    def test_user_hash_takes_no_empty_password(self):
        done = subprocess.run([WEIR, "user", "hash"], input="\n", capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the password is empty", done.stderr)
        self.assert_usage_error(self.run_weir("user"), "subcommand is required")

    def test_usage_errors_exit_with_2(self):
        self.assert_usage_error(self.run_weir(), "subcommand is required")
        self.assert_usage_error(self.run_weir("swim"), "swim")
        self.assert_usage_error(self.run_weir("check"), "FILE")
        self.assert_usage_error(self.run_weir("serve", "--memroy", "1gb"), "--memroy", "--memory")
        self.assert_usage_error(self.run_weir("serve", "--shards"), "--shards")

    def test_bad_flags_are_all_reported(self):
        done = self.run_weir("serve", "--shards", "0", "--memory=1mb", "--listen", "0.0.0.0:6390")
        self.assert_usage_error(done, "--shards: '0' is below 1", "--memory: '1MiB' is below",
                                "--listen: '0.0.0.0:6390' can be reached from other machines")
        self.assertEqual(len(done.stderr.splitlines()), 3)

    def test_a_flag_given_twice_is_refused_unless_it_is_a_list(self):
        self.assert_usage_error(self.run_weir("serve", "--shards", "1", "--shards", "2"),
                                "--shards: given more than once")
        done = self.run_weir("serve", "--listen", "127.0.0.1:0", "--listen", "1.2.3.4:5")
        self.assert_usage_error(done, "'1.2.3.4:5'")

    def test_errors_of_a_file_name_its_place(self):
        name = self.write("[server]\nshards = 0\n")
        expected = "weir.toml:2:10: server.shards: '0' is below 1\n"
        for done in (self.run_weir("check", name), self.run_weir("serve", "--config", name)):
            self.assert_usage_error(done)
            self.assertEqual(done.stderr, expected)

    def test_a_file_that_cannot_be_read_is_named(self):
        done = self.run_weir("check", "absent.toml")
        self.assert_usage_error(done, "absent.toml: cannot be read")
        self.assert_usage_error(self.run_weir("check", "."), ".: cannot be read")
        name = self.write("#" * (2**20 + 1))
        self.assert_usage_error(self.run_weir("check", name), "larger than 1 MiB")
        self.assertEqual(self.run_weir("check", self.write("#" * 2**20)).returncode, 0)

    def test_check_prints_a_configuration_that_checks_as_itself(self):
        name = self.write('[server]\nmemory = "1gb"\n[[limit]]\nname = "a"\nrate = "9/s"\n')
        first = self.run_weir("check", name)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stderr, "")
        self.assertIn('memory = "1GiB"  # a change needs a restart\n', first.stdout)
        self.assertIn("max_clients = 10000\n", first.stdout)
        self.assertIn("#   total                          1024.0 MiB  100.0 %\n", first.stdout)
        again = self.run_weir("check", self.write(first.stdout, "again.toml"))
        self.assertEqual(again.stdout, first.stdout)

    def test_check_reads_the_limits_that_were_made_while_weir_served(self):
        os.mkdir(os.path.join(self.directory, "data"))
        data = os.path.join(self.directory, "data")
        name = self.write(f'[server]\ndata = "{data}"\n')
        limits = ('[[limit]]\nname = "trial"\nrate = "5/m"\n'
                  '[[limit]]\nname = "gone"\nrate = "5/m"\nuser = "cart"\n')
        self.write(limits, os.path.join("data", "limits.toml"))
        done = self.run_weir("check", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('name = "trial"', done.stdout)
        self.assertNotIn('name = "gone"', done.stdout)
        self.assertIn("LIMIT.POLICY DEL gone", done.stderr)
        self.write('[[limit]]\nname = "trial"\nrate = "5/m"\ncost = 9\n',
                   os.path.join("data", "limits.toml"))
        done = self.run_weir("check", name)
        self.assertEqual(done.returncode, 2)
        self.assertIn("limits.toml", done.stderr)

    def test_warnings_do_not_fail_the_check(self):
        done = self.run_weir("check", self.write('[server]\nmemory = "64mb"\n'))
        self.assertEqual(done.returncode, 0)
        self.assertIn("weir: warning: weir.toml:2:10: server.memory: below 256MiB", done.stderr)

    def test_the_committed_documents_are_what_docs_prints(self):
        folder = os.path.dirname(CONFIGURATION_MD)
        for topic in ("configuration", "commands"):
            done = self.run_weir("docs", topic)
            self.assertEqual(done.returncode, 0)
            with open(os.path.join(folder, topic + ".md"), encoding="utf-8") as file:
                self.assertEqual(file.read(), done.stdout,
                                 f"run `weir docs {topic} > docs/{topic}.md`")
        self.assertEqual(self.run_weir("docs").stdout,
                         self.run_weir("docs", "configuration").stdout)

    def test_the_manual_page_is_sound_and_explains_every_command_flag_and_section(self):
        page = self.run_weir("docs", "man")
        self.assertEqual(page.returncode, 0)
        done = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-P-bcu"], input=page.stdout,
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = done.stdout
        commands = re.findall(r"^  ([a-z]+) ", self.run_weir("help").stdout, re.MULTILINE)
        self.assertIn("serve", commands)
        for command in commands:
            self.assertRegex(text, rf"\n       {command}[ \n]")
        serve = self.run_weir("help", "serve").stdout
        for flag in re.findall(r"^  (--[a-z-]+) [A-Z]", serve, re.MULTILINE):
            self.assertIn(f"\n       {flag} ", text)
        with open(CONFIGURATION_MD, encoding="utf-8") as file:
            for section in re.findall(r"^## (\[\[?\w+\]\]?)$", file.read(), re.MULTILINE):
                self.assertIn(section, text)

    def test_an_unknown_document_is_a_usage_error(self):
        self.assert_usage_error(self.run_weir("docs", "poem"), "'poem'",
                                "configuration, commands or man")


if __name__ == "__main__":
    WEIR, CONFIGURATION_MD = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
