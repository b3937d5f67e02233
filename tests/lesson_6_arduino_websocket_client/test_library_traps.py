"""The simulated library is as unforgiving as the real ArduinoHttpClient 0.6.1.

naive.ino trusts the library, as its examples do: it has to fail here as it does on a board.
"""

import course
import pytest
from arduino_host.board import Board, answer, frame
from websockets.frames import Opcode

NAIVE = course.TESTS / "support" / "arduino_host" / "naive" / "naive.ino"


@pytest.fixture
def naive(start, server):
    """A sketch that trusts the library, as its examples do, connected to /raw."""
    board = start(sketch=NAIVE, path="/raw")
    board.until(lambda: server.visitors and server.visitors[0].is_open())
    board.run(100)
    return board, server.visitors[0]


def test_naive_loses_its_path(naive, server):
    board, visitor = naive
    assert visitor.request.path == "/raw"
    visitor.cut()
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].request)
    assert server.visitors[1].request.path == "/"


def test_naive_takes_a_404_for_a_connection(start, server):
    server.greet = answer(404, b"")
    board = start(sketch=NAIVE)
    board.run(60000)
    assert len(server.visitors) == 1 and board.serial.count("sending") > 5


def test_naive_reads_late_bytes_as_255(naive):
    board, visitor = naive
    message = frame(b"late")
    visitor.send(message[:4])
    visitor.later(500, message[4:])
    board.until(lambda: "got la\ufffd\ufffd" in board.serial)


def test_naive_waits_for_ever_for_the_second_byte(naive):
    board, visitor = naive
    visitor.send(b"\x81")
    visitor.later(500, b"\x02hi")
    board.run(20000)
    assert "got" not in board.serial


def test_naive_sends_8_bytes_of_a_long_message(naive):
    board, visitor = naive
    board.tell("sensor 1000")
    board.until(lambda: visitor.texts and visitor.texts[-1][1] == '{"sensor')


@pytest.mark.parametrize(
    "evil, words",
    [
        (frame(b"x" * 100)[:50], "The library waits for ever."),
        (frame(b"x" * 100, Opcode.PING)[:50], "The library writes past its buffer."),
    ],
)
def test_naive_hangs_or_crashes(program, server, evil, words):
    board = Board(program(sketch=NAIVE), server)
    board.until(lambda: server.visitors and server.visitors[0].is_open())
    visitor = server.visitors[0]
    board.run(100)
    visitor.send(evil)
    visitor.later(500, None)
    with pytest.raises(pytest.fail.Exception, match=words):
        board.run(100_000)
    board.reader.close()
    board.control.close()
    board.process.stderr.close()
