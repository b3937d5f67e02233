"""The server goes and comes back, refuses, stops halfway, or falls silent."""

import pytest
from arduino_host import build
from arduino_host.board import Visitor, answer


@pytest.mark.parametrize("radio", build.RADIOS)
def test_a_restarted_server_gets_the_same_path_again(start, server, radio):
    board = start(radio, path="/room/1?name=board")
    board.until(server.readings)
    server.close()
    board.expect("Nobody answered. Is the server running, and is this its address?\n", 30000)
    server.open()
    down = board.now
    board.until(lambda: server.readings(down), 30000)
    assert [visitor.request.path for visitor in server.visitors] == ["/room/1?name=board"] * 2


@pytest.mark.parametrize("status", [200, 404, 503])
def test_an_answer_other_than_101_is_no_connection(start, server, status):
    server.greet = answer(status)
    board = start(path="/wrong")
    for _ in range(3):
        board.expect(f"The server refused, with HTTP status {status}\n", 8000)
    assert board.now > 2 * 3000, "it doesn't pause"
    assert "Sent" not in board.serial and "Connected" not in board.serial
    tries = len(server.visitors)
    assert all(visitor.ended for visitor in server.visitors[:-1]), "an old connection is open"
    server.greet = Visitor.accept
    board.until(server.readings, 8000)
    assert len(server.visitors) == tries + 1
    assert server.visitors[-1].request.path == "/wrong"


@pytest.mark.parametrize(
    "reply, words",
    [
        (b"", "The server did not answer in time."),
        (b"HTTP/1.1 101 X\r\nUpgrade: webs", "The server did not answer in time."),
        (b"SSH-2.0-server\r\n", "Something answered, but it isn't a WebSocket server."),
    ],
    ids=["silent", "half an answer", "another protocol"],
)
def test_an_answer_that_stops_is_given_up_within_five_seconds(start, server, reply, words):
    server.greet = lambda visitor: visitor.send(reply)
    board = start()
    board.expect("connects to")
    began = board.now
    board.expect(words, 8000)
    assert board.now - began <= 5000
    server.greet = Visitor.accept
    board.until(server.readings, 8000)


@pytest.mark.parametrize("code", [1000, 1001])
def test_a_close_frame_is_answered(connected, server, code):
    board, visitor = connected
    visitor.protocol.send_close(code, "bye")
    visitor.flush()
    board.expect("The server ended the connection.\n", 1000)
    board.until(lambda: visitor.ended, 1000)
    assert visitor.closed.code == code
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts, 8000)


@pytest.mark.parametrize("radio", build.RADIOS)
def test_a_connection_that_ends_without_a_word_is_told(start, server, radio):
    board = start(radio)
    board.until(server.readings)
    server.visitors[0].cut()
    board.expect("The connection is lost.\n", 1000)
    board.expect("connects to", 4000)


def test_a_handshake_with_the_network_that_fails_once(start, server):
    """WiFiNINA's state for it can also mean that it is still trying: 20 s are left for that."""
    board = start("nina")
    board.tell("fail 1")
    board.until(lambda: board.serial.count("Joining the network") == 2, 30000)
    assert board.now > 20000
    board.until(server.readings, 6000)


def test_a_server_that_has_become_mute_is_left(connected, server):
    board, visitor = connected
    visitor.mute = True
    board.expect("The server has gone silent.\n", 13000)
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts, 8000)


def test_a_message_that_can_not_go_out_ends_the_connection(connected, server):
    board, visitor = connected
    board.tell("block 1")
    board.expect("Couldn't send: the connection is lost.\n", 6000)
    assert board.serial.count("Sent: ") == 1 and board.busiest < 5000
    board.tell("block 0")
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


@pytest.mark.parametrize("before", [4000, 11000, 21000])
def test_millis_begins_at_0_again(start, server, before):
    board = start(millis=2**32 - before)
    board.run(40000)
    times = [time for time, text in server.readings()]
    assert len(server.visitors) == 1 and len(times) == 8
    assert all(4900 <= later - sooner <= 5100 for sooner, later in zip(times, times[1:]))
