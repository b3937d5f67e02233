"""A pty as the board on a cable, and what the tests of the serial server do with it."""

import os
import select

import pytest
from course import PATIENCE, ROOT, python

pty = pytest.importorskip("pty", reason="the board is a pty, and Windows has none")
tty = pytest.importorskip("tty")

FOLDER = "serial_to_ws_server"


class Board:
    """A pty as the board on a cable. The server opens .name, which stays the same."""

    def __init__(self, name):
        self.name, self.plugged = name, False
        self.plug()

    def plug(self):
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
    heard = hear(client, 1)
    while heard[-1] != last:
        heard += hear(client, 1)
    return heard


def refuse(run, *words, prefix=None, **options):
    """Runs the server with words that can't work; returns its sentences."""
    program = run(prefix or python("server.py", *words), cwd=ROOT / FOLDER, **options)
    assert program.wait() not in (0, None)
    assert "Traceback" not in program.errors + program.output
    assert "running" not in program.output.replace("Is the program at the other end running", "")
    return program.errors
