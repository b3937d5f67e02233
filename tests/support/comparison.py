"""The same small lesson twice: with the bare package's server, and with SturdyServer.

The same probe asks both. With SturdyServer it has to see what is good, and with the bare server
something else: otherwise the test would not show anything.
"""

import socket
import sys

from course import PATIENCE, ROOT, free_port
from websockets.exceptions import ProtocolError
from wire import Wire, request

BARE, STURDY = "websocket_server import WebsocketServer", "sturdy_websocket import SturdyServer"
# How long a probe waits for what may never come from the bare server.
SHORT = 1
NOTHING = "nothing"

LESSON = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
{settings}
from {server} as Server

def print(*words):
    # In one piece: lines of several threads do not mix.
    sys.stdout.write(" ".join(map(str, words)) + "\\n")

def new_client(client, server):
    print("in", client["id"])

def client_left(client, server):
    print("left", client["id"])

def message_received(client, server, message):
    server.send_message_to_all(message)

{code}

sys.stdout.reconfigure(line_buffering=True)
server = Server(host={host!r}, port=int(os.environ["PORT"]){more})
server.set_fn_new_client(new_client)
server.set_fn_client_left(client_left)
server.set_fn_message_received(message_received)
print("ready")
server.run_forever()
"""


def comparison(run, tmp_path):
    """Returns compare(probe, good, code=…): runs the lesson with both servers.

    probe(server) talks to a server and returns what it saw; an error of a connection counts as
    seen, too. With SturdyServer that is good, with the bare server it is not; returned is what
    the bare one showed.
    """

    def start(server, code="", host="127.0.0.1", settings="", more=""):
        file = tmp_path / f"{server.split()[0]}{free_port()}.py"
        file.write_text(
            LESSON.format(
                server=server,
                code=code,
                host=host,
                more=more,
                settings=(
                    f"import sturdy_websocket; {settings}" if server == STURDY and settings else ""
                ),
            )
        )
        strict = ["-X", "dev", "-W", "error"] if server == STURDY else []
        program = run(
            [sys.executable, *strict, file, ROOT / "ws_server_example"],
            env={"PORT": (port := free_port())},
        )
        program.may_complain = server == BARE
        program.port, program.bare = port, server == BARE
        program.patience = SHORT if server == BARE else PATIENCE
        program.wire = lambda *args, **options: Wire(
            port, *args, patience=program.patience, **options
        )
        program.expect("ready")
        return program

    def both(probe, good, may_complain=False, **lesson):
        sturdy = start(STURDY, **lesson)
        sturdy.may_complain = may_complain
        assert probe(sturdy) == good
        bare = start(BARE, **lesson)
        try:
            seen = probe(bare)
        except (OSError, EOFError) as error:
            seen = error
        assert seen != good, "the bare server does it as well: this shows nothing"
        return seen

    return both


def heard(client):
    """Returns the next message, or that nothing came, or garbage."""
    try:
        return client.hear()
    except ProtocolError:
        return "garbage"
    except (socket.timeout, EOFError, ConnectionError):
        return NOTHING


def ended(client):
    """Returns the close code; 1006 is what a browser shows for an end without a close frame."""
    try:
        return client.ending()
    except socket.timeout:
        return "still open"


def page(server, path="/", **headers):
    """Returns the status of an HTTP answer, or that there was none."""
    try:
        with server.wire(path=None) as client:
            client.send(request(path, **headers))
            return client.read_head()[0]
    except (OSError, EOFError):
        return NOTHING
