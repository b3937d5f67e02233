"""Nothing is left behind: by clients that vanish at a bad moment, and on a system that is at its
end: no thread, connection or file more than before."""

import contextlib
import os
import socket
import struct
import time

import pytest
from course import PATIENCE
from wire import TEXT, Wire, frame, request

HTTP = "http_ws_server_example"
posix_only = pytest.mark.skipif(os.name == "nt", reason="these numbers are not on Windows")

# A lesson in which threads can be had or not, as a client says.
NO_THREADS = """
real_start = threading.Thread.start
few = threading.Event()

def start(thread):
    if few.is_set():
        raise RuntimeError("can't start new thread")
    real_start(thread)

threading.Thread.start = start

def message_received(client, server, message):
    if message == "no threads":
        few.set()
    if message == "threads":
        few.clear()
    server.send_message_to_all(message)
"""


def test_resets_before_the_page_is_written(start_server, left, raw):
    """600 of them are forgotten: not one counts as a connection that is still there."""
    server = start_server(HTTP, settings={"MAX_CLIENTS": 10})
    with Wire(server.port) as one:
        one.sync()
    before = left(server)
    for _ in range(600):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    before.over()
    with Wire(server.port) as client:
        client.say("still open?")
        assert client.hear() == "still open?"
    begun = time.monotonic()
    assert server.stop() == 0
    # Who has been forgotten isn't waited for: that would be two seconds, both of the deadlines.
    assert time.monotonic() - begun < 2


@posix_only
@pytest.mark.parametrize("moment", ["before", "handshake", "half a frame", "pages unread"])
def test_resets_at_any_moment(start_server, left, moment):
    server = start_server(HTTP)
    with Wire(server.port) as one:
        one.sync()
    before = left(server)
    for number in range(100):
        client = Wire(server.port, path=None)
        if moment == "handshake":
            client.send(request()[: 20 + number % 60])
        elif moment == "half a frame":
            client.send(request() + frame(TEXT, "half a frame")[: number % 18])
        elif moment == "pages unread":
            client.send(b"GET /script.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        client.vanish()
    before.over()
    assert server.errors == ""


def test_connection_without_a_thread(lesson, left):
    """When the system has no more threads who comes then is lost, and nobody who comes later."""
    server = lesson(NO_THREADS)
    one = Wire(server.port)
    one.sync()
    before = left(server)
    one.say("no threads")
    assert one.hear() == "no threads"
    # The first of them may still find a thread that is waiting for it.
    unlucky = [Wire(server.port, path=None) for _ in range(3)]
    for client in unlucky:
        with contextlib.suppress(ConnectionError):
            client.send(request())
    assert unlucky[-1].is_at_end()
    one.say("threads")
    assert one.hear_until("threads")
    later = [Wire(server.port, patience=5) for _ in range(3)]
    for client in later:
        assert client.status == 101
        client.sync()
    one.say("all here?")
    for client in later:
        assert client.hear_until("all here?")
    for client in [*unlucky, *later]:
        client.close()
    before.over()
    assert "Traceback" not in server.errors


def test_slow_client_without_a_writer(lesson, left):
    """Where no thread can be had to write to a slow client, that client is lost, and no other."""
    server = lesson(NO_THREADS)
    before = left(server)
    slow = Wire(server.port, receive_buffer=4096)
    slow.sync()
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        speaker.say("no threads")
        assert speaker.hear() == listener.hear() == "no threads"
        for number in range(200):
            message = f"{number} " + "x" * 100_000
            speaker.say(message)
            assert speaker.hear() == listener.hear() == message
            if "left 1" in server.output:
                break
        else:
            pytest.fail("nobody was dropped")
        speaker.say("threads")
        assert speaker.hear() == listener.hear() == "threads"
        assert server.output.count("left") == 1
    slow.close()
    before.over()
    assert server.errors == ""


def test_handshake_that_drips_has_an_end(start_server, left):
    """Also with a byte now and then, and also in the request for a page after a page."""
    server = start_server(HTTP, settings={"REQUEST_TIME": 0.5})
    before = left(server)
    clients = [Wire(server.port, path=None) for _ in range(2)]
    clients[1].send(b"GET /styles.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert clients[1].read_head()[0] == 200
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(ConnectionError):
        for byte in request() * 1000:
            assert time.monotonic() < end
            for client in clients:
                client.send(bytes([byte]))
            time.sleep(0.02)
    before.over()
    for client in clients:
        client.close()
