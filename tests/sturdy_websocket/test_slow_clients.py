"""A slow client gets everything, once and in order, or is dropped: and only that one pays."""

import contextlib
import os
import random
import sys
import threading
import time

import pytest
from course import PATIENCE
from wire import TEXT, Wire, frame

HTTP = "http_ws_server_example"
posix_only = pytest.mark.skipif(os.name == "nt", reason="getrusage is not on Windows")

SMALL_BUFFERS = """
import socket
sys.setswitchinterval(1e-5)

def new_client(client, server):
    client["handler"].connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
"""


def test_writer_that_comes_and_goes(lesson, left):
    """One to five messages wait at a time, thousands of times: a writer begins and ends each time.

    Two of them at once would double a frame, lose one, or mix two.
    """
    server = lesson(SMALL_BUFFERS, strict=False)
    before = left(server)
    luck = random.Random(1)
    sent = heard = 0
    with Wire(server.port, receive_buffer=2048) as client:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            burst = luck.randint(1, 5)
            texts = [f"{sent + number:7}" + "x" * 3000 for number in range(burst)]
            client.send(b"".join(frame(TEXT, text) for text in texts))
            sent += burst
            while heard < sent - luck.randint(0, 2):
                text = client.hear()
                assert (int(text[:7]), len(text)) == (heard, 3007)
                heard += 1
        while heard < sent:
            assert int(client.hear()[:7]) == heard
            heard += 1
    before.over()


TINY = """
import resource

def most():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

sturdy_websocket.MAX_BACKLOG = 4_000_000

def message_received(client, server, message):
    slow = server.clients[0]
    before = most()
    while slow in server.clients:
        server.send_message(slow, "x")
    server.send_message(client, str(most() - before))
"""


@posix_only
def test_tiny_messages_are_counted_at_what_they_cost(lesson):
    """A million messages of one character that wait are no more memory than the bound says."""
    server = lesson(TINY, strict=False)
    slow = Wire(server.port, receive_buffer=4096)
    slow.sync()
    with Wire(server.port) as speaker:
        speaker.say("go")
        assert int(speaker.hear()) < 4_500_000
    slow.close()


def test_all_slow_clients_together_have_a_bound(start_server):
    """Ten that do not read, each far below its own bound: there is one for all of them."""
    server = start_server(HTTP, settings={"MAX_BACKLOGS": 5_000_000})
    slow = [Wire(server.port, receive_buffer=4096) for _ in range(10)]
    for client in slow:
        client.sync()
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        for number in range(150):
            message = f"{number} " + "x" * 100_000
            speaker.say(message)
            assert speaker.hear() == listener.hear() == message
            if "connection closed" in server.output:
                break
        else:
            pytest.fail("nobody was dropped")
        # The message that was too much is too much for some of them; the others hear it.
        assert server.output.count("connection closed") <= 10
        speaker.say("go on")
        assert speaker.hear() == listener.hear() == "go on"
    for client in slow:
        client.close()


def test_one_message_may_wait_however_long(start_server):
    """A message longer than all the bounds reaches who reads slowly."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 100_000, "MAX_BACKLOGS": 100_000})
    with Wire(server.port, receive_buffer=4096) as slow, Wire(server.port) as speaker:
        slow.sync()
        message = os.urandom(10_000_000)
        speaker.say(message)
        assert speaker.hear() == message
        assert slow.hear() == message


def test_pages_that_nobody_reads_hold_up_no_other(start_server):
    """Who asks for page after page without reading an answer is the only one who waits."""
    server = start_server(HTTP)
    greedy = Wire(server.port, path=None, receive_buffer=4096, patience=1)
    stop = threading.Event()

    def ask():
        with contextlib.suppress(OSError):
            while not stop.is_set():
                greedy.send(b"GET /.?%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 50_000))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            with Wire(server.port, path=None, patience=3) as reader:
                reader.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert reader.read_head()[0] == 200
            time.sleep(0.05)
    finally:
        stop.set()
        greedy.vanish()
        asking.join(PATIENCE)


SHORT_OF_MEMORY = """
import errno, random, socket, _socket
luck = random.Random(1)
short = threading.Event()

def send(connection, data):
    if short.is_set() and luck.random() < 0.3:
        raise OSError(errno.ENOBUFS, "No buffer space available")
    return _socket.socket.send(connection, data)

socket.socket.send = send

def message_received(client, server, message):
    short.set()
    server.send_message_to_all(message)
"""


def test_system_short_of_buffers(lesson):
    """What the system can't take for the moment isn't sent, and isn't lost: it waits."""
    server = lesson(SHORT_OF_MEMORY)
    with Wire(server.port) as client:
        for number in range(30):
            client.say(f"message {number}")
        assert [client.hear() for _ in range(30)] == [f"message {number}" for number in range(30)]


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a system's buffers")
def test_slow_client_is_cut_while_its_writer_waits(lesson, left):
    """The writer that waits for it ends with it."""
    server = lesson("""
def message_received(client, server, message):
    if message == "cut":
        server.disconnect_clients_abruptly()
    server.send_message_to_all(message)
""")
    before = left(server)
    slow = Wire(server.port, receive_buffer=4096)
    slow.sync()
    with Wire(server.port) as speaker:
        speaker.say("x" * 8_000_000)
        speaker.hear()
        with contextlib.suppress(EOFError, ConnectionError):
            speaker.say("cut")
            speaker.ending()
    server.expect("left")
    server.expect("left")
    before.over()
    slow.close()
