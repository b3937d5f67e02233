"""A pty as the board on a cable, and what the tests of the serial server do with it."""

import os
import select
import time

import pytest
from course import PATIENCE, ROOT, free_port, program, python

FOLDER = "serial_to_ws_server"


class Board:
    """A pty as the board on a cable. The server opens .name, which stays the same."""

    def __init__(self, name):
        self.name, self.plugged = name, False
        self.plug()

    def plug(self):
        pty = pytest.importorskip("pty", reason="the board is a pty, and Windows has none")
        tty = pytest.importorskip("tty")
        self.here, self.there = pty.openpty()
        tty.setraw(self.there)
        os.symlink(os.ttyname(self.there), self.name)
        self.plugged = True

    def unplug(self):
        """Pulls the cable. The name goes first: others may get the same pty a moment later."""
        if self.plugged:
            self.plugged = False
            os.unlink(self.name)
            os.close(self.there)
            os.close(self.here)

    def print(self, data):
        """Sends bytes as the sketch would; waits where the computer does not take them."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.here, view) :]

    def read(self, size):
        """Waits for this many bytes from the computer."""
        data = b""
        while len(data) < size:
            assert select.select([self.here], [], [], PATIENCE)[0], f"nothing after {data!r}"
            data += os.read(self.here, size - len(data))
        return data


def hear(client, count):
    return [client.recv(timeout=PATIENCE) for _ in range(count)]


def hear_until(client, last):
    """Returns the messages up to this one, which is the last in the list."""
    return [*iter(lambda: client.recv(timeout=PATIENCE), last), last]


def silence():
    """Waits while the board says nothing, so that the server sees it isn't in the middle of a line.

    Nothing that could be waited for happens then.
    """
    time.sleep(1)


def run_with(run, change, *words):
    """Runs the server with these words where this Python code has changed pyserial."""
    command = program("server.py", *words, before=f"import serial\n{change}")
    return run(command, cwd=ROOT / FOLDER, env={"PORT": free_port()})


def refuse(run, *words, **options):
    """Runs the server with words that can't work; returns its sentences."""
    server = run(python("server.py", *words), cwd=ROOT / FOLDER, **options)
    assert server.wait() not in (0, None)
    assert "Traceback" not in server.errors + server.output
    assert "running" not in server.output
    return server.errors
