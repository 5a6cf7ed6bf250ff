#!/usr/bin/python3
"""Goal: what can change while weir serves changes by SIGHUP and CONFIG SET, and nothing else does.

Method: a real weir whose file is rewritten; clients that were there before and come after.

    reload_test.py WEIR
"""

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import unittest

import certificates
import weir_process
from weir_process import ErrorReply, wait_until

WEIR = ""
NOAUTH = b"NOAUTH Authentication required."


def hash_line(password):
    return subprocess.run([WEIR, "user", "hash"], input=password + "\n", capture_output=True,
                          text=True, timeout=60, check=True).stdout


class WithServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")

    def start(self, *flags, config="[server]\n"):
        server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB", *flags,
                                   config=config)
        self.addCleanup(server.kill)
        return server

    def client(self, server, **options):
        client = server.client(**options)
        self.addCleanup(client.close)
        return client

    def write(self, config):
        with open(os.path.join(self.directory, "weir.toml"), "w", encoding="utf-8") as file:
            file.write(config)

    def reload(self, server, config):
        """Returns what the log says from here on, when the reload is over."""
        self.write(config)
        before = len(server.log())
        server.signal(signal.SIGHUP)
        def over():
            log = server.log()[before:]
            return log if re.search(r"configuration is (not )?reloaded.*\n", log) else None
        return wait_until(over, "the reload is over")


class Sighup(WithServer):
    def test_users_come_change_and_go(self):
        first, second = hash_line("one"), hash_line("two")
        user = '[[user]]\nname = "default"\nrights = ["read", "write", "admin"]\n'
        server = self.start()
        old = self.client(server)
        self.assertEqual(old.command("SET", "k", "v"), b"OK")
        log = self.reload(server, user + first)
        self.assertIn("user.default.password", log)
        self.assertNotIn("argon2id", log)
        self.assertRegex(old.command("GET", "k"), rb"^NOAUTH ")
        known = self.client(server)
        self.assertEqual(known.command("GET", "k"), NOAUTH)
        self.assertEqual(known.command("AUTH", "one"), b"OK")
        self.reload(server, user + second)
        self.assertRegex(known.command("GET", "k"), rb"^NOAUTH ")
        again = self.client(server)
        self.assertRegex(again.command("AUTH", "one"), rb"^WRONGPASS ")
        self.assertEqual(again.command("AUTH", "two"), b"OK")
        self.reload(server, user.replace(', "write", "admin"', "") + second)
        self.assertRegex(again.command("SET", "k", "w"), rb"^NOPERM ")
        self.assertEqual(again.command("GET", "k"), b"v")
        self.reload(server, "")
        self.assertEqual(self.client(server).command("GET", "k"), b"v")

    def test_an_error_changes_nothing_and_names_its_place(self):
        server = self.start(config="[server]\nmax_clients = 50\n")
        client = self.client(server)
        log = self.reload(server, "[server]\nmax_clients = 60\nidle_timeout = 5\n")
        self.assertRegex(log, r"level=error msg=\"weir.toml:3:16: server.idle_timeout: ")
        self.assertIn("nothing has changed", log)
        self.assertEqual(client.command("CONFIG", "GET", "max*clients"),
                         [b"max_clients", b"50", b"maxclients", b"50"])
        os.remove(os.path.join(self.directory, "weir.toml"))
        before = len(server.log())
        server.signal(signal.SIGHUP)
        wait_until(lambda: "weir.toml: cannot be read" in server.log()[before:], "it is said")
        log = self.reload(server, "[server]\nmax_clients = 60\n")
        self.assertIn("changed=max_clients", log)
        self.assertIn(b"maxclients:60\r\n", client.command("INFO", "clients"))

    def test_limits_that_were_made_meanwhile_outlast_a_crash(self):
        config = ('[[user]]\nname = "default"\nrights = ["read", "write", "admin"]\n' +
                  hash_line("secret") + '[[user]]\nname = "bob"\n' + hash_line("his"))
        made = ("LIMIT.POLICY", "SET", "writes", "rate", "7/m", "user", "bob", "key_prefix", "b:")
        server = self.start(config=config)
        client = self.client(server)
        client.command("AUTH", "secret")
        self.assertEqual(client.command(*made), b"OK")
        refused = client.command("LIMIT.POLICY", "SET", "x", "rate", "7/m", "key_prefix", b"\xff")
        self.assertRegex(refused, rb"^ERR .*UTF-8$")
        before = client.command("LIMIT.POLICY", "GET", "writes")
        server.kill()
        server = self.start(config=config)
        client = self.client(server)
        client.command("AUTH", "secret")
        self.assertEqual(client.command("LIMIT.POLICY", "LIST"), [b"writes"])
        self.assertEqual(client.command("LIMIT.POLICY", "GET", "writes"), before)
        without = config[:config.rindex("[[user]]")]
        self.assertIn("limits nobody: there is no [[user]] 'bob'", self.reload(server, without))
        self.assertEqual(client.command("LIMIT.POLICY", "LIST"), [])
        server.kill()
        server = self.start(config=without)
        self.assertIn("limits nobody: there is no [[user]] 'bob'", server.log())
        client = self.client(server)
        client.command("AUTH", "secret")
        self.assertEqual(client.command("LIMIT.POLICY", "DEL", "writes"), 1)

    def test_what_needs_a_restart_is_named_and_stays(self):
        server = self.start("--threads", "1", config="[server]\ndurability = \"fsync\"\n")
        log = self.reload(server, "[server]\ndurability = \"os\"\ndrain_timeout = \"1s\"\n"
                                  "threads = 2\n")
        self.assertRegex(log, r'level=warning msg="restart weir [^"]*" keys=durability\n')
        self.assertIn("changed=drain_timeout", log)
        self.assertEqual(self.client(server).command("CONFIG", "GET", "durability"),
                         [b"durability", b"fsync"])

    def test_limits_keyspaces_and_timeouts_hold_for_clients_that_are_there(self):
        server = self.start(config='[[limit]]\nname = "all"\nper = "all"\nkey_prefix = "x"\n'
                                   'rate = "2/d"\nburst = 2\n')
        client = self.client(server)
        self.assertEqual([client.command("GET", "x") for _ in range(2)], [None, None])
        self.assertRegex(client.command("GET", "x"), rb"^THROTTLED ")
        limit = '[[limit]]\nname = "all"\nper = "all"\nkey_prefix = "x"\nrate = "2/d"\nburst = 2\n'
        self.reload(server, limit + '[[keyspace]]\nprefix = "small:"\nmax_value = "10b"\n')
        self.assertRegex(client.command("GET", "x"), rb"^THROTTLED ")
        self.assertEqual(client.command("SET", "small:1", "0123456789"), b"OK")
        self.assertRegex(client.command("SET", "small:1", "01234567890"), rb"^ERR string exceeds")
        # Another rate, and one token more; what was taken stays taken.
        self.reload(server, limit.replace("2/d", "3/d").replace("burst = 2", "burst = 3"))
        self.assertIsNone(client.command("GET", "x"))
        self.assertRegex(client.command("GET", "x"), rb"^THROTTLED ")
        self.reload(server, '[server]\nidle_timeout = "1s"\n')
        self.assertEqual(client.command("SET", "small:1", "01234567890"), b"OK")
        self.assertIsNone(client.command("GET", "x"))
        self.assertEqual(client.at_end(), b"")

    def test_flags_beat_the_file_also_then(self):
        server = self.start("--max-clients", "33")
        self.assertIn("changed=nothing", self.reload(server, "[server]\nmax_clients = 44\n"))

    def test_certificates_are_read_again(self):
        folder = os.path.dirname(self.directory)
        authority = certificates.Authority(folder)
        cert, key = authority.issue("first", "server")
        server = self.start("--tls-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
        context = ssl.create_default_context(cafile=authority.path)
        def shown():
            with weir_process.Client(server.tls_port, tls=context) as client:
                subject = client.socket.getpeercert()["subject"]
                return dict(pair[0] for pair in subject)["commonName"]
        self.assertEqual(shown(), "first")
        authority.issue("second", "server")
        self.reload(server, "[server]\n")
        self.assertEqual(shown(), "second")

    def test_clients_notice_nothing_of_a_hundred_reloads(self):
        server = self.start("--threads", "2")
        ended = threading.Event()
        failures = []
        def work(number):
            with server.client() as client:
                while not ended.is_set():
                    replies = client.pipeline([("SET", f"k{number}", "v"), ("GET", f"k{number}"),
                                               ("CONFIG", "GET", "max*")] * 10)
                    failures.extend(r for r in replies if isinstance(r, ErrorReply))
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for number in range(100):
            log = self.reload(server, f"[server]\nmax_clients = {100 + number}\n"
                                      f'[cache]\nttl = "{1 + number}s"\n'
                                      f'[[limit]]\nname = "l{number}"\nrate = "1000000/s"\n')
            self.assertNotIn("level=error", log)
        ended.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class ConfigSet(WithServer):
    def test_get_shows_every_option_and_takes_patterns(self):
        client = self.client(self.start(config='[[limit]]\nname = "l"\nkey_prefix = "x"\n'
                                        'rate = "1/s"\n'))
        shown = client.command("CONFIG", "GET", "*")
        names = shown[::2]
        self.assertEqual(len(names), len(set(names)))
        with open(os.path.join(os.path.dirname(__file__), "../docs/configuration.md"),
                  encoding="utf-8") as document:
            section = document.read().split("## [server]")[1].split("\n## ")[0]
        for key in re.findall(r"^\| `(\w+)` \|", section, re.M):
            self.assertIn(key.encode(), names)
        self.assertIn(b"limit.l.rate", names)
        self.assertEqual(client.command("CONFIG", "GET", "SLOWLOG-*"),
                         [b"slowlog-log-slower-than", b"10000", b"slowlog-max-len", b"128"])
        self.assertEqual(client.command("CONFIG", "GET", "max?emory", "maxmemory", "t[hi]reads"),
                         [b"maxmemory", b"268435456", b"threads",
                          client.command("CONFIG", "GET", "threads")[1]])
        client.command("HELLO", "3")
        self.assertEqual(client.command("CONFIG", "GET", "save"), {b"save": b""})

    def test_set_takes_effect_at_once(self):
        server = self.start()
        client, other = self.client(server), self.client(server)
        self.assertEqual(client.command("CONFIG", "SET", "slowlog-log-slower-than", "0",
                                        "slowlog-max-len", "3"), b"OK")
        for _ in range(5):
            other.command("PING")
        self.assertEqual(client.command("SLOWLOG", "LEN"), 3)
        self.assertEqual(client.command("CONFIG", "SET", "maxclients", "2"), b"OK")
        with server.client() as third:
            self.assertEqual(third.at_end(), b"-ERR max number of clients reached\r\n")
        self.assertEqual(client.command("CONFIG", "SET", "maxclients", "100", "timeout", "1"),
                         b"OK")
        self.assertEqual(other.at_end(), b"")
        self.assertEqual(self.client(server).command("PING"), b"PONG")

    def test_the_file_is_what_holds_after_a_reload(self):
        server = self.start()
        client = self.client(server)
        client.command("CONFIG", "SET", "max_clients", "77")
        self.assertIn("changed=max_clients", self.reload(server, "[server]\n"))
        self.assertEqual(client.command("CONFIG", "GET", "maxclients"), [b"maxclients", b"10000"])

    def test_the_errors_are_those_of_redis(self):
        weir = self.start()
        redis = weir_process.Redis(os.path.join(os.path.dirname(self.directory), "redis"))
        self.addCleanup(redis.kill)
        with weir.client() as ours, redis.client() as theirs:
            for words in (("SET",), ("SET", "foo"), ("SET", "foo", "bar"), ("SET", "a", "b", "c"),
                          ("SET", "maxclients", "5000", "maxclients", "6000"),
                          ("SET", "MaxClients", "5000"), ("GET", "maxclients"),
                          ("SET", "databases", "1"), ("SET", "save", ""), ("SET", "timeout", "0"),
                          ("SET", "slowlog-max-len", "64", "foo", "1"), ("GET", "slowlog-max-len"),
                          ("SET", "appendonly", "no"), ("GET",), ("GET", "no-such"),
                          ("SET", "maxmemory-policy", "noeviction"), ("REWRITE", "x")):
                ours.command("CONFIG", *words)
                theirs.command("CONFIG", *words)
                if words != ("SET", "databases", "1"):  # Immutable there, whatever the value.
                    self.assertEqual(ours.raw, theirs.raw, words)

    def test_what_cannot_be_set_says_what_to_do(self):
        server = self.start()
        client = self.client(server)
        self.assertEqual(client.command("CONFIG", "SET", "maxmemory", "1gb"),
                         b"ERR CONFIG SET failed (possibly related to argument 'maxmemory') - "
                         b"can't set immutable config; restart weir to change memory")
        self.assertRegex(client.command("CONFIG", "SET", "cache.ttl", "1s"), rb"send weir SIGHUP")
        self.assertRegex(client.command("CONFIG", "SET", "drain_timeout", "2h"), rb"is above")
        self.assertRegex(client.command("CONFIG", "REWRITE"),
                         rb"^ERR weir does not write its configuration file")
        server.kill()
        bare = weir_process.Weir(WEIR, self.directory + "2", "--memory", "256MiB")
        self.addCleanup(bare.kill)
        self.assertEqual(self.client(bare).command("CONFIG", "REWRITE"),
                         b"ERR The server is running without a config file")


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
