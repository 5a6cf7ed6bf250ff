"""A TCP proxy that misbehaves as networks do, for tests: delay, loss of replies, half-open
connections, resets.

    with FaultProxy(server_port) as proxy:
        client = Client(proxy.port)
        proxy.mode = LOSE_REPLIES       # Of new bytes on all connections, until it is changed.

The mode is looked at for each piece of bytes that arrives, so a connection meets every mode that
it lives through. `counts` tells how many pieces met which.
"""

import select
import socket
import struct
import threading
import time

PASS = "pass"                  # As a good network would.
DELAY = "delay"                # Everything arrives, DELAY_SECONDS later.
LOSE_REPLIES = "lose replies"  # The server hears and answers; the client sees its connection end.
HALF_OPEN = "half open"        # Nothing arrives any more, and nobody is told.
RESET = "reset"                # Both sides see a reset.
MODES = (PASS, DELAY, LOSE_REPLIES, HALF_OPEN, RESET)

DELAY_SECONDS = 0.02
PIECE_BYTES = 1 << 16


def reset(connection):
    """Closes with RST, which drops what is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class FaultProxy:
    def __init__(self, server_port):
        self.server_port = server_port
        self.mode = PASS
        self.counts = dict.fromkeys(MODES, 0)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._threads[0].join()  # Then no more are added.
        for thread in self._threads[1:]:
            thread.join()
        self._listener.close()

    def _accept(self):
        while not self._stopping.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:
            reset(client)
            return
        sides = {client: server, server: client}
        try:
            while not self._stopping.is_set():
                for source in select.select(list(sides), [], [], 0.05)[0]:
                    if not self._forward(source, sides[source], source is client):
                        return
        except OSError:
            pass  # One side has gone.
        finally:
            client.close()
            server.close()

    def _forward(self, source, target, from_client):
        """Returns whether the connection goes on."""
        data = source.recv(PIECE_BYTES)
        mode = self.mode
        if not data:
            return False
        self.counts[mode] += 1
        if mode == RESET:
            reset(source)
            reset(target)
            return False
        if mode == LOSE_REPLIES and not from_client:
            return False
        if mode == HALF_OPEN:
            return True  # What was read is nowhere.
        if mode == DELAY:
            time.sleep(DELAY_SECONDS)
        target.sendall(data)
        return True
