"""Frames as the network brings them: in pieces, late, cut, endless, and wrong ones."""

import pytest
from arduino_host import build
from arduino_host.board import frame
from websockets.frames import Opcode


@pytest.mark.parametrize("radio", build.RADIOS)
def test_a_frame_split_after_its_first_byte(start, server, radio):
    board = start(radio)
    board.until(server.readings)
    visitor, message = server.visitors[0], frame(b"x" * 200)
    visitor.send(message[:1])
    visitor.later(700, message[1:])
    board.expect(f"Received: {'x' * 200}\n", 1500)
    # And inside the length, which takes four bytes here.
    visitor.send(message[:3])
    visitor.later(700, message[3:])
    board.expect(f"Received: {'x' * 200}\n", 1500)
    assert len(server.visitors) == 1


def test_fragments_are_one_message_and_a_ping_between_them_is_answered(connected):
    board, visitor = connected
    visitor.send(
        frame(b"one ", fin=False)
        + frame(b"\x00\xff", Opcode.PING)
        + frame(b"two ", Opcode.CONT, fin=False)
        + frame(b"three", Opcode.CONT)
    )
    board.expect("Received: one two three\n", 200)
    assert board.serial.count("Received") == 1
    assert visitor.pongs == [b"\x00\xff"]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))], ids=len)
def test_a_ping_is_answered_also_when_its_payload_is_late(connected, payload):
    board, visitor = connected
    ping = frame(payload, Opcode.PING)
    visitor.send(ping)
    board.until(lambda: visitor.pongs == [payload], 200)
    visitor.send(ping[:2])
    visitor.later(800, ping[2:])
    board.until(lambda: visitor.pongs == [payload] * 2, 1500)


@pytest.mark.parametrize("cut", [1, 2, 3, 9])
def test_a_connection_cut_inside_a_message(connected, server, cut):
    board, visitor = connected
    visitor.send(frame(b"x" * 200)[:cut])
    visitor.later(300, None)
    board.expect("The connection is lost.\n", 1000)
    board.until(lambda: server.readings(visitor.server.now), 8000)
    assert len(server.visitors) == 2 and "Received" not in board.serial


@pytest.mark.parametrize("kind", [Opcode.TEXT, Opcode.PING, Opcode.CLOSE])
def test_a_message_that_stops_halfway_is_given_up(connected, server, kind):
    board, visitor = connected
    visitor.send(frame(b"x" * 100, kind)[:50])
    visitor.mute = True
    began = board.now
    board.expect("The server has gone silent.\n", 20000)
    assert 11000 < board.now - began < 14000
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


@pytest.mark.parametrize("radio", build.RADIOS)
def test_a_message_may_take_its_time(start, server, radio):
    """30 KB over the UART of an UNO R4 take 4 s; and this one comes in pieces, with pauses. The
    board goes on with its work meanwhile."""
    board = start(radio)
    board.until(server.readings)
    visitor, message = server.visitors[0], frame(b"x" * 30000)
    for piece in range(10):
        visitor.later(2500 * piece, message[3001 * piece : 3001 * (piece + 1)])
    began = board.now
    board.expect(f"Received: {'x' * 4000}\n(That was only the beginning.)\n", 40000)
    assert 22000 < board.now - began < 30000
    assert len(server.visitors) == 1 and len(server.readings(began)) >= 4


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"\x81\x85abcdh", id="masked"),
        pytest.param(b"\xc1\x05hello", id="a bit of an extension"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", id="another protocol"),
        pytest.param(b"\x83\x02hi", id="reserved opcode"),
        pytest.param(b"\x80\x02hi", id="continuation of nothing"),
        pytest.param(b"\x01\x02hi\x81\x02ho", id="a message inside a message"),
        pytest.param(b"\x09\x02hi", id="half a ping"),
        pytest.param(b"\x88\x01\x03", id="half a close code"),
        pytest.param(b"\x89\x7e\x00\x7e" + b"x" * 126, id="a long ping"),
    ],
)
def test_what_is_not_a_frame_of_a_server_ends_the_connection(connected, server, wrong):
    board, visitor = connected
    visitor.send(wrong)
    board.expect("The server sent something that isn't a WebSocket frame.\n", 5000)
    board.until(lambda: visitor.ended, 1000)
    assert visitor.closed.code == 1002 and "Received" not in board.serial
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)
