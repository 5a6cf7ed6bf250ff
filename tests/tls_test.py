#!/usr/bin/python3
"""Goal: clients are served over TLS as they are without, and who misuses TLS harms nobody.

Method: a real weir with certificates made for the test, and Python's ssl as the client.
client_scenarios_test.py has the clients that people use.

    tls_test.py WEIR
"""

import os
import socket
import ssl
import subprocess
import sys
import time
import unittest

import certificates
import weir_process
from weir_process import encode

WEIR = ""
MIB = 1 << 20


class WithTls(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.authority = certificates.Authority(os.path.join(self.folder, "tls"))
        self.certificate, self.key = self.authority.issue("first", "server")

    def start(self, *flags):
        server = weir_process.Weir(
            WEIR, os.path.join(self.folder, "weir"), "--memory", "2GiB", "--tls-listen",
            "127.0.0.1:0", "--tls-cert", self.certificate, "--tls-key", self.key, *flags)
        self.addCleanup(server.kill)
        return server

    def context(self, name=None, version=None):
        """What a client trusts, and the certificate it shows."""
        context = ssl.create_default_context(cafile=self.authority.path)
        if version:
            context.maximum_version = version
        if name:
            context.load_cert_chain(*self.authority.issue(name))
        return context

    def client(self, server, **options):
        client = weir_process.Client(server.tls_port, **{"tls": self.context(), **options})
        self.addCleanup(client.close)
        return client


def name_of(client):
    return dict(pair for (pair,) in client.socket.getpeercert()["subject"])["commonName"]


class Serving(WithTls):
    def test_big_values_and_long_pipelines_go_both_ways(self):
        client = self.client(self.start())
        value = os.urandom(10 * MIB)
        self.assertEqual(client.command("SET", "big", value), b"OK")
        self.assertEqual(client.command("GET", "big"), value)
        # So little that it is sent before anything is read: Python's ssl is for one thread.
        replies = client.pipeline([("GET", "big")] * 8 + [("INCR", "n")] * 1000)
        self.assertTrue(all(reply == value for reply in replies[:8]))
        self.assertEqual(replies[8:], list(range(1, 1001)))

    def test_clients_that_come_back_resume_their_session(self):
        server = self.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context, session = self.context(version=version), None
            for number in range(100):
                with weir_process.Client(server.tls_port, tls=context, session=session) as client:
                    self.assertEqual(client.command("ECHO", number), b"%d" % number)
                    self.assertEqual(client.socket.session_reused, session is not None)
                    session = client.socket.session

    def test_sigterm_answers_what_was_sent_and_says_goodbye(self):
        server = self.start()
        client = self.client(server)
        client.command("PING")
        client.send(b"".join(encode("INCR", "n") for _ in range(3000)))
        self.assertEqual(server.stop(), 0)
        # An ssl.SSLEOFError here would be an end without close_notify.
        self.assertEqual(client.at_end(), b"".join(b":%d\r\n" % i for i in range(1, 3001)))


    def test_metrics_count_handshakes_and_show_when_the_certificate_ends(self):
        server = self.start()
        self.client(server).command("PING")
        with weir_process.Client(server.tls_port) as plain:
            plain.send(b"PING\r\n")
            self.assertRegex(plain.at_end(), b"^-ERR this port speaks TLS only")
        metrics = server.metrics()
        self.assertEqual(metrics['weir_tls_handshakes_total{result="done"}'], 1)
        self.assertEqual(metrics['weir_tls_handshakes_total{result="not_tls"}'], 1)
        self.assertEqual(metrics["weir_tls_handshakes_under_way"], 0)
        ends = metrics["weir_tls_certificate_expiry_timestamp_seconds"]
        self.assertTrue(0 < ends - time.time() < 3 * 86400, ends)


class Files(WithTls):
    def test_new_files_are_shown_to_new_clients_and_old_clients_go_on(self):
        server = self.start()
        before = self.client(server)
        self.assertEqual((name_of(before), before.command("PING")), ("first", b"PONG"))
        self.authority.issue("second", "server")

        def shown():
            with weir_process.Client(server.tls_port, tls=self.context()) as client:
                client.command("PING")
                return name_of(client)
        weir_process.wait_until(lambda: shown() == "second", "the new certificate is shown")
        self.assertEqual(before.command("PING"), b"PONG")
        weir_process.wait_until(lambda: "new TLS files are in use" in server.log(), "the log")

        with open(self.certificate, "w", encoding="ascii") as file:
            file.write("not a certificate")
        weir_process.wait_until(lambda: "new TLS files are refused" in server.log(), "the refusal")
        self.assertRegex(server.log(), r"refused.*server\.pem' holds no certificate")
        self.assertEqual(shown(), "second")
        self.assertEqual(before.command("PING"), b"PONG")

    def check(self, text):
        name = os.path.join(self.folder, "weir.toml")
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([WEIR, "check", name], capture_output=True, text=True, timeout=30,
                              check=False)

    def test_check_names_line_column_and_remedy(self):
        head = '[server]\ntls_listen = "127.0.0.1:0"\n'
        good = self.check(f'{head}tls_cert = "{self.certificate}"\ntls_key = "{self.key}"\n')
        self.assertEqual((good.returncode, good.stderr), (0, ""))
        bad = self.check(f'{head}tls_cert = "{self.certificate}"\ntls_key = "absent.key"\n')
        self.assertEqual(bad.returncode, 2)
        self.assertRegex(bad.stderr, r"weir.toml:4:11: server.tls_key: 'absent.key' cannot be read:"
                                     r" No such file or directory; give the path of a PEM file\n$")
        other = self.authority.issue("other")[1]
        bad = self.check(f'{head}tls_cert = "{self.certificate}"\ntls_key = "{other}"\n')
        self.assertRegex(bad.stderr, r"weir.toml:4:11: .*is not the key of the certificate in")


class Misuse(WithTls):
    def test_certificates_of_clients_are_asked_for_and_verified(self):
        stranger = certificates.Authority(os.path.join(self.folder, "elsewhere")).issue("app")
        for asked, nameless in (("optional", True), ("required", False)):
            with self.subTest(asked=asked):
                server = self.start("--tls-client-auth", asked, "--tls-client-ca",
                                    self.authority.path)
                self.assertEqual(self.served(server, self.context("app")), True)
                self.assertEqual(self.served(server, self.context()), nameless)
                context = self.context()
                context.load_cert_chain(*stranger)
                self.assertEqual(self.served(server, context), False)
                server.stop()

    @staticmethod
    def served(server, context):
        try:
            with weir_process.Client(server.tls_port, tls=context) as client:
                return client.command("PING") == b"PONG"
        except (ssl.SSLError, ConnectionError, EOFError):
            return False

    def test_plaintext_and_tls_on_the_wrong_port_are_told_so(self):
        server = self.start()
        with weir_process.Client(server.tls_port) as client:
            client.send(encode("PING"))
            self.assertIn(b"this port speaks TLS only", client.at_end())
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        with server.client() as client:
            client.send(hello)
            self.assertIn(b"this port does not speak TLS", client.at_end())

    def test_half_and_garbled_handshakes_are_closed_while_others_are_served(self):
        server = self.start()
        began = time.monotonic()
        starts = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100]
        half = [socket.create_connection(("127.0.0.1", server.tls_port), timeout=30)
                for _ in range(300)]
        for number, connection in enumerate(half):
            connection.sendall(starts[number % len(starts)])
        with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as garbled:
            garbled.sendall(b"\x16\x03\x01\x00\x40" + os.urandom(64))
            self.assertEqual(garbled.makefile("rb").read()[:1], b"\x15", "an alert")
        client = self.client(server)
        for connection in half:
            self.assertEqual(client.command("PING"), b"PONG")
            self.assertEqual(connection.recv(1), b"")
            connection.close()
        self.assertLess(time.monotonic() - began, 20)
        self.assertGreater(time.monotonic() - began, 9)


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
