"""Fixtures for the tests of sturdy_websocket.py: a small lesson, and what is left of it."""

import os
import sys
import time

import psutil
import pytest
from course import PATIENCE, ROOT, free_port, python

# A lesson that a test can ask for what it needs.
LESSON = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
import sturdy_websocket
from sturdy_websocket import SturdyServer

def new_client(client, server):
    print("in", client["id"])

def client_left(client, server):
    print("left", client["id"], len(server.clients))

def message_received(client, server, message):
    server.send_message_to_all(message)

{code}

def main():
    server = SturdyServer(host="", port=os.environ["PORT"])
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.run_forever()
    {after}

main()
"""


@pytest.fixture
def lesson(run, tmp_path):
    """Returns lesson(code, after="", strict=True): a running server with other event functions.

    code: Python that stands before main(); after: what main() does when the server has stopped.
    """

    def start(code="", after="", strict=True):
        file = tmp_path / f"lesson{free_port()}.py"
        text = LESSON.replace("{code}", code).replace("{after}", after)
        file.write_text(text, encoding="utf-8")
        words = [file, ROOT / "ws_server_example"]
        command = python(*words) if strict else [sys.executable, *words]
        server = run(command, env={"PORT": (port := free_port())})
        server.expect("Ctrl-C")
        server.port = port
        return server

    return start


class Left:
    """What a server holds: whether all of it is given back can be asked later."""

    def __init__(self, server):
        self.process = psutil.Process(server.process.pid)
        self.before = self.count()

    def count(self):
        """Returns the numbers of threads and of open files: none of a process that has ended."""
        try:
            files = self.process.num_fds() if os.name != "nt" else self.process.num_handles()
            return self.process.num_threads(), files
        except psutil.Error:
            return 0, 0

    def over(self):
        """Waits until there is no more of anything than at the beginning."""
        end = time.monotonic() + PATIENCE
        while any(now > before for now, before in zip(self.count(), self.before)):
            assert time.monotonic() < end, f"threads, files: {self.before}, now {self.count()}"
            time.sleep(0.05)


@pytest.fixture
def left():
    """Returns left(server): an object whose over() waits until nothing more is left over."""
    return Left
