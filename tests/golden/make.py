#!/usr/bin/python3
"""Makes tests/golden/format-1: data directories and a backup as the first released format has them.

To be run once for each format that is released; what it made before is never made anew, because
every later version must open what an earlier one wrote. golden_test.py reads the same contents.

    make.py WEIR DIRECTORY
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import weir_process  # noqa: E402

# Far enough: the year 2200.
EXPIRES_MS = 7_258_118_400_000
BINARY = bytes(range(256))


def config():
    """Three shards in two data directories, the first with two."""
    return "".join(f'[[shard]]\nname = "s{i}"\ndata = "{name}"\n'
                   for i, name in enumerate(["one", "two", "one"]))


def contents():
    """Returns {key: (value, expiry in ms or None)}."""
    found = {
        b"empty value": (b"", None),
        b"": (b"the empty key", None),
        BINARY: (BINARY, None),
        b"\x00": (b"\x00\r\n", None),
        b"number": (b"-9223372036854775808", None),
        b"long" * 1000: (b"a key of 4000 bytes", None),
        b"big": (b"0123456789abcdef" * 1000, None),
        b"mortal": (b"until 2200", EXPIRES_MS),
        b"mortal and empty": (b"", EXPIRES_MS + 1),
        b"{}": (b"an empty tag", None),
        b"{}{tag}": (b"an empty tag first", None),
        b"a{tag}b{other}": (b"the first tag counts", None),
        "ключ".encode(): ("значение".encode(), None),
    }
    for i in range(100):
        found[b"{tag}%d" % i] = (b"of one tag", None)
        found[b"key:%d" % i] = (b"%d" % (i * i), EXPIRES_MS + i if i % 5 == 0 else None)
    return found


def fill(client):
    for i in range(50):  # What is gone or was written over is in the directory too.
        client.command("SET", b"key:%d" % i, b"written over")
        client.command("SET", b"gone:%d" % i, b"removed")
        client.command("DEL", b"gone:%d" % i)
    for key, (value, expires_ms) in contents().items():
        client.command("SET", key, value)
        if expires_ms:
            client.command("PEXPIREAT", key, expires_ms)


def main():
    weir, directory = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    data, backup = os.path.join(directory, "data"), os.path.join(directory, "backup")
    # Twice, so that part of it is in tables and part in the log.
    for last in (False, True):
        with weir_process.Weir(weir, data, "--memory", "64MiB", config=config()) as server:
            with server.client() as client:
                fill(client)
            if last:
                subprocess.run([weir, "backup", "--server", f"127.0.0.1:{server.port}", backup],
                               check=True)
            server.stop()
    for name in ("stderr.log", "weir.toml", "one/LOCK", "two/LOCK"):
        os.remove(os.path.join(data, name))


if __name__ == "__main__":
    main()
