"""A small lesson, whose functions a test can replace."""

import sys

import pytest
from course import ROOT, free_port, python

STURDY = "sturdy_websocket import SturdyServer"
LESSON = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
from {server} as Server

def new_client(client, server):
    print("in", client["id"])

def client_left(client, server):
    print("left", client["id"], len(server.clients))

def message_received(client, server, message):
    server.send_message_to_all(message)

{code}

sys.stdout.reconfigure(line_buffering=True)
server = Server(host="127.0.0.1", port=int(os.environ["PORT"]))
server.set_fn_new_client(new_client)
server.set_fn_client_left(client_left)
server.set_fn_message_received(message_received)
print("ready")
server.run_forever()
"""


@pytest.fixture
def lesson(run, tmp_path):
    """Returns lesson(code="", server=STURDY): a running server; code stands after its functions."""

    def start(code="", server=STURDY):
        file = tmp_path / f"lesson{free_port()}.py"
        text = LESSON.replace("{code}", code).replace("{server}", server)
        file.write_text(text, encoding="utf-8")
        command = python(file) if server == STURDY else [sys.executable, file]
        program = run([*command, ROOT / "ws_server_example"], env={"PORT": (port := free_port())})
        program.expect("ready")
        program.port = port
        return program

    return start
