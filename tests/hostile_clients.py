"""Clients that mean harm, or have no luck: what tests/hostile_test.py and bench/hostile.py share.

An attack takes a running weir_process.Weir and returns when it has done its worst; what it opened
is closed by its `contextlib.ExitStack`. Watch tells how much memory the server took meanwhile.
"""

import concurrent.futures
import contextlib
import random
import selectors
import socket
import time

from weir_process import Client, encode

MIB = 1 << 20
MEMORY_SLACK = 64 * MIB  # Beyond the budget: what the server promises.
SEED = 20261124


class Watch:
    """After the block, `peak` is the most memory that the server has ever held, by the system."""

    def __init__(self, server):
        self.peak = 0
        self._server = server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with open(f"/proc/{self._server.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    self.peak = int(line.split()[1]) * 1024


def connect(stack, port, count):
    """Returns `count` plain sockets, closed with the stack."""
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(count)]


def take(sock, count):
    """Reads `count` bytes of replies, fewer when the server closes the connection."""
    sock.settimeout(60)
    with contextlib.suppress(OSError):
        while count > 0 and (data := sock.recv(min(count, MIB))):
            count -= len(data)


def push(sockets, data, seconds):
    """Sends `data` on every socket as far as the server takes it in `seconds`; reads nothing.

    Returns the bytes that each took, -1 for one that was closed.
    """
    taken = {s: 0 for s in sockets}
    with selectors.DefaultSelector() as ready:
        for s in sockets:
            s.setblocking(False)
            ready.register(s, selectors.EVENT_WRITE)
        deadline = time.monotonic() + seconds
        while ready.get_map() and time.monotonic() < deadline:
            for key, _ in ready.select(0.05):
                s = key.fileobj
                try:
                    taken[s] += s.send(data[taken[s]:taken[s] + MIB])
                except BlockingIOError:
                    continue
                except OSError:
                    taken[s] = -1
                if taken[s] < 0 or taken[s] == len(data):
                    ready.unregister(s)
    return list(taken.values())


def count_closed(sockets):
    """Returns how many of the sockets the server has closed, reading what it sent before."""
    closed = 0
    for s in sockets:
        s.setblocking(False)
        try:
            while s.recv(MIB):
                pass
            closed += 1
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    return closed


def at_once(port, count, commands):
    """`count` clients send what `commands(number)` returns, each all of its own at once.

    Returns the replies of all; None stands for a client that was disconnected.
    """
    def ask(number):
        try:
            with Client(port) as client:
                return client.pipeline(commands(number))
        except (EOFError, ConnectionError):
            return [None]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [reply for replies in pool.map(ask, range(count)) for reply in replies]


def fill(port, prefix, count, size, seed=SEED):
    """Stores `count` values of `size` bytes; returns their keys."""
    rng = random.Random(seed)
    keys = [f"{prefix}{i}" for i in range(count)]
    burst = max(1, min(500, 4 * MIB // max(size, 1)))
    with Client(port) as client:
        for first in range(0, count, burst):
            batch = keys[first:first + burst]
            for reply in client.pipeline([("SET", k, rng.randbytes(size)) for k in batch]):
                assert reply == b"OK", reply
    return keys
