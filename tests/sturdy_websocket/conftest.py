"""A small lesson, whose functions a test can replace."""

import sys

import pytest
from course import ROOT, free_port, python

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

server = SturdyServer(host="", port=int(os.environ["PORT"]))
server.set_fn_new_client(new_client)
server.set_fn_client_left(client_left)
server.set_fn_message_received(message_received)
server.run_forever()
{after}
"""


@pytest.fixture
def lesson(run, tmp_path):
    """Returns lesson(code, after="", strict=True): a running server with other event functions.

    code: Python that stands before the server; after: what comes when it has stopped; strict:
    warnings are errors.
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
