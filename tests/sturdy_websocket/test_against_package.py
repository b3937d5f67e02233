"""Why there is a SturdyServer: the same small lesson with it, and with the bare package."""

import os
import struct

import pytest
from course import PATIENCE
from websockets.exceptions import ProtocolError
from wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, Wire, close_frame, frame, odd_frame

NOTHING = "nothing"


@pytest.fixture
def both(lesson):
    """Returns both(probe, code=""): what probe(server) returns for SturdyServer, and for the other.

    A connection that breaks is NOTHING.
    """

    def start(code, patience=PATIENCE, **options):
        program = lesson(code, **options)
        program.wire = lambda **words: Wire(program.port, patience=patience, **words)
        return program

    def probe_both(probe, code=""):
        sturdy = probe(start(code))
        # What never comes from the bare server isn't waited for.
        bare = start(code, patience=1, server="websocket_server import WebsocketServer")
        bare.may_complain = True
        try:
            return sturdy, probe(bare)
        except (OSError, EOFError):
            return sturdy, NOTHING

    return probe_both


def heard(client):
    """Returns the next message, or NOTHING."""
    try:
        return client.hear()
    except (OSError, EOFError, ProtocolError):
        return NOTHING


# Never let the bare server reserve the 8 GB that somebody announces.
LITTLE_MEMORY = (
    "" if os.name == "nt" else "import resource as r; r.setrlimit(r.RLIMIT_AS, 2*[4<<30])"
)
# What is sent, and what the bare server does not send back.
EXCHANGES = {
    "a message in fragments: browsers cut every big one": (
        frame(TEXT, "one ", False) + frame(CONT, "and ", False) + frame(CONT, "the same"),
        (TEXT, b"one and the same"),
    ),
    "a binary message": (frame(BINARY, b"\xff\x00"), (BINARY, b"\xff\x00")),
    "a ping of any bytes: boards send random ones": (frame(PING, b"\xff\xfe"), (PONG, b"\xff\xfe")),
    "a close frame, which a browser wants answered": (close_frame(1000), (CLOSE, 1000)),
    "a reserved bit": (odd_frame(0xC1, b"x"), (CLOSE, 1002)),
    "a close code that must not be sent": (close_frame(1006), (CLOSE, 1002)),
    "text that is none": (frame(TEXT, b"caf\xe9"), (CLOSE, 1007)),
    "a length of 8 GB": (b"\x81\xff" + struct.pack("!Q", 8 << 30) + b"mask", (CLOSE, 1009)),
    "a function of the lesson that raises": (frame(TEXT, "raise"), (CLOSE, 1011)),
}


@pytest.mark.parametrize("what", EXCHANGES)
def test_answer_that_the_package_does_not_give(both, what):
    sent, good = EXCHANGES[what]

    def probe(server):
        server.may_complain = True
        with server.wire() as client:
            client.send(sent)
            try:
                opcode, payload = client.read()
            except (OSError, EOFError, ProtocolError):
                return NOTHING
            return opcode, struct.unpack("!H", payload[:2])[0] if opcode == CLOSE else payload

    raises = """
def message_received(client, server, message):
    server.send_message_to_all({}[message] if message == "raise" else message)
"""
    sturdy, bare = both(probe, LITTLE_MEMORY + raises)
    assert sturdy == good != bare


def test_broken_connection_keeps_no_message_from_the_others(both):
    """Nor does it throw the speaker out: it broke a moment ago, and nobody knows yet."""

    def probe(server):
        broken = server.wire()
        server.expect("in 1")
        with server.wire() as speaker, server.wire() as third:
            server.expect("in [23](.*\n)+in [23]")
            broken.say("hold")
            server.expect("holding")
            broken.vanish()
            speaker.say("hello")
            return heard(speaker), heard(third)

    # While this client's thread waits, it can't find out that its client is gone.
    holds = """
def message_received(client, server, message):
    if message == "hold":
        print("holding")
        threading.Event().wait(20)
    server.send_message_to_all(message)
"""
    assert both(probe, holds) == (("hello", "hello"), (NOTHING, NOTHING))


def test_loop_over_clients_skips_nobody(both):
    """Also if somebody leaves meanwhile."""

    def probe(server):
        clients = []
        for number in range(1, 5):
            clients.append(server.wire())
            server.expect(f"in {number}")
        clients[3].say("to all")
        assert clients[0].hear() == "to all"
        clients[0].close()
        answers = [heard(client) for client in clients[1:]]
        for client in clients[1:]:
            client.close()
        return answers

    loop = """
def message_received(client, server, message):
    for other in server.clients:
        server.send_message(other, message)
        while other["id"] == 1 and other in server.clients:
            time.sleep(0.005)
"""
    assert both(probe, loop) == (["to all"] * 3, [NOTHING, "to all", "to all"])
