"""Clients that mean harm, or have no luck: what tests/hostile_test.py and bench/hostile.py share.

An attack takes a running weir_process.Weir and returns when it has done its worst; what it opened
is closed by its `contextlib.ExitStack`. Watch samples the memory of the server meanwhile.
"""

import contextlib
import random
import resource
import selectors
import socket
import threading
import time

from weir_process import Client, encode

MIB = 1 << 20
MEMORY_SLACK = 64 * MIB  # Beyond the budget: what the server promises.
SEED = 20261124


class Watch:
    """Samples the resident memory of a server until the block ends; `peak` is the highest."""

    PAUSE_SECONDS = 0.005

    def __init__(self, server):
        self.peak = 0
        self._file = open(f"/proc/{server.pid}/statm", encoding="ascii")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.wait(self.PAUSE_SECONDS):
            self.sample()

    def sample(self):
        self._file.seek(0)
        resident = int(self._file.read().split()[1]) * resource.getpagesize()
        self.peak = max(self.peak, resident)
        return resident

    def __enter__(self):
        self.sample()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.sample()
        self._file.close()


def connect(stack, port, count):
    """Returns `count` plain sockets, closed with the stack."""
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(count)]


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
