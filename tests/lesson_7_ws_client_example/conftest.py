"""Fixtures for the client: a terminal, and servers that do what a test wants."""

import contextlib
import os
import socket
import threading

import pytest
import websockets.sync.server
from course import PATIENCE


@pytest.fixture
def terminal():
    """Returns terminal(command or shell text): a program in a terminal of its own."""
    pexpect = pytest.importorskip("pexpect", reason="Windows has no such terminals")
    children = []

    def spawn(command):
        words = ["bash", "--norc", "-c", command] if isinstance(command, str) else command
        child = pexpect.spawn(
            str(words[0]),
            [str(word) for word in words[1:]],
            timeout=PATIENCE,
            encoding="utf-8",
            dimensions=(50, 900),
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"},
        )
        child.delaybeforesend = None
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


@pytest.fixture
def serve():
    """Returns serve(handler, **options): the address of a server that does what a test wants."""
    with contextlib.ExitStack() as servers:

        def start(handler, **options):
            server = websockets.sync.server.serve(
                handler, "127.0.0.1", 0, compression=None, close_timeout=0.2, **options
            )
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"{'wss' if 'ssl' in options else 'ws'}://127.0.0.1:{server.socket.getsockname()[1]}/"

        yield start


@pytest.fixture
def serve_bytes():
    """Returns serve_bytes(answer): the port of a server that says only this, and hangs up.

    What it was asked is in the list .asked of the function.
    """
    with contextlib.ExitStack() as listeners:

        def start(answer):
            listener = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        start.asked.append(connection.recv(65536))
                        connection.sendall(answer)

            threading.Thread(target=run, daemon=True).start()
            return listener.getsockname()[1]

        start.asked = []
        yield start
