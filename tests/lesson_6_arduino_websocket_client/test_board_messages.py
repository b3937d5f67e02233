"""What the board sends and prints: readings, typed lines, short and long messages."""

import pytest
from arduino_host import build
from arduino_host.board import frame
from websockets.frames import Opcode


def test_the_first_reading_comes_at_once_and_then_one_every_five_seconds(start, server):
    board = start(path="/raw")
    board.until(lambda: len(server.readings()) == 5, 30000)
    assert server.visitors[0].request.path == "/raw"
    times = [time for time, text in server.readings()]
    assert {text for time, text in server.readings()} == {'{"sensor": 512}'}
    assert times[0] < 4000
    assert all(5000 <= later - sooner <= 5050 for sooner, later in zip(times, times[1:]))
    assert 'Connected.\nSent: {"sensor": 512}\n' in board.serial
    board.tell("sensor 7")
    board.until(lambda: server.readings()[-1][1] == '{"sensor": 7}')


def test_a_message_is_printed(connected):
    board, visitor = connected
    visitor.say("How are you? äöü")
    board.expect("Received: How are you? äöü\n", 100)
    visitor.send(frame(b"") + frame(b"both") + frame(b"at once", Opcode.BINARY))
    board.expect("Received: \nReceived: both\nReceived: at once\n", 200)


def test_a_line_typed_into_the_serial_monitor_is_sent(connected):
    board, visitor = connected
    board.tell("type Hello, pages! äöü ")
    board.expect("Sent: Hello, pages! äöü\n", 1500)
    board.until(lambda: visitor.texts[-1][1] == "Hello, pages! äöü", 100)
    board.tell("type ")
    board.run(1500)
    assert visitor.texts[-1][1] == "Hello, pages! äöü", "Enter alone is no message"


@pytest.mark.parametrize("radio", build.RADIOS)
def test_three_messages_and_the_end_in_one_segment(start, server, radio):
    """On an ESP32 connected() is false while these bytes wait."""
    board = start(radio)
    board.until(server.readings)
    board.expect("Sent: ")
    server.visitors[0].send(frame(b"one") + frame(b"two") + frame(b"three"))
    server.visitors[0].cut()
    board.expect("Received: one\nReceived: two\nReceived: three\nThe connection is lost.\n", 1000)


def test_messages_of_any_length_go_out(connected, server):
    board, visitor = connected
    for count in (1, 119, 120, 125, 126, 127, 128, 129, 255, 256, 3000):
        board.tell(f"send {count}")
        board.until(lambda count=count: visitor.texts[-1][1] == "x" * count, 200)
    board.run(6000)
    assert visitor.texts[-1][1] == '{"sensor": 512}' and len(server.visitors) == 1
