#!/usr/bin/env python3
"""What clients that say nothing cost in resident memory, plain and over TLS.

Each client sends one PING; then all are silent for as long as it takes the server to release their
buffers. The table: clients, resident memory before and with them, and KiB for each.

    ./dev bench idle [--clients 9900] [--memory 4GiB]
"""
import argparse
import contextlib
import os
import ssl
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import certificates  # noqa: E402
import weir_process  # noqa: E402
from hostile_clients import MIB  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
RELEASED_AFTER_SECONDS = 5.0


def measure(server, port, count, tls):
    before = server.resident_bytes()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(weir_process.Client(port, tls=tls))
            assert client.command("PING") == b"PONG", "refused: give the server more memory"
        time.sleep(RELEASED_AFTER_SECONDS)
        return before, server.resident_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="4GiB")
    parser.add_argument("--clients", type=int, default=9900)
    options = parser.parse_args()
    weir_process.raise_descriptor_limit(2 * options.clients + 1000)
    print(f"{'clients':14} {'before MiB':>10} {'with MiB':>9} {'KiB each':>9}")
    for kind in ("plain", "TLS"):
        with weir_process.scratch() as scratch:
            authority = certificates.Authority(os.path.join(scratch, "tls"))
            certificate, key = authority.issue("localhost")
            with weir_process.Weir(WEIR, os.path.join(scratch, "weir"), "--memory", options.memory,
                                   "--tls-listen", "127.0.0.1:0", "--tls-cert", certificate,
                                   "--tls-key", key) as server:
                tls = ssl.create_default_context(cafile=authority.path) if kind == "TLS" else None
                port = server.tls_port if tls else server.port
                before, during = measure(server, port, options.clients, tls)
                print(f"{options.clients:6} {kind:7} {before / MIB:10.1f} {during / MIB:9.1f} "
                      f"{(during - before) / 1024 / options.clients:9.2f}", flush=True)


if __name__ == "__main__":
    main()
