"""A slow client gets everything, once and in order, or is dropped: and only that one pays."""

import contextlib
import os
import random
import sys
import time

import psutil
import pytest
from course import posix_only
from wire import PING, TEXT, Wire, frame, is_idle, talk

HTTP = "http_ws_server_example"

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
def test_tiny_messages_are_counted_at_what_they_cost(lesson, join):
    """A million messages of one character that wait are no more memory than the bound says."""
    server = lesson(TINY, strict=False)
    join(server, receive_buffer=4096)
    speaker = join(server)
    speaker.say("go")
    assert int(speaker.hear()) < 4_500_000


def test_slow_client_is_dropped_and_only_that_one(start_server, join):
    """What waits for a client that does not read is bounded; over the bound it has to go."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 2_000_000})
    stalled = join(server, receive_buffer=4096)
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        speaker.speak_until(lambda: "connection closed" in server.output, listener)
        talk(speaker, listener)
        assert server.output.count("connection closed") == 1
        stalled.ending()
    assert server.errors == ""
    is_idle(server)


def test_all_slow_clients_together_have_a_bound(start_server, join):
    """Ten that do not read, each far below its own bound: there is one for all of them."""
    server = start_server(HTTP, settings={"MAX_BACKLOGS": 5_000_000})
    for _ in range(10):
        join(server, receive_buffer=4096)
    speaker, listener = join(server), join(server)
    speaker.speak_until(lambda: "connection closed" in server.output, listener)
    # The message that was too much is too much for some of them; the others hear it.
    assert server.output.count("connection closed") <= 10
    talk(speaker, listener)


@pytest.mark.parametrize(
    "settings, sizes",
    [
        # The big ones are more than a system takes at once: they go out in parts.
        ({}, [300_000] * 10 + [6_000_000] * 2),
        ({"MAX_BACKLOG": 100_000, "MAX_BACKLOGS": 100_000}, [10_000_000]),
    ],
    ids=["below the bound", "one message, however long"],
)
def test_slow_client_gets_everything(start_server, join, settings, sizes):
    """A tab that was asleep for a while has missed nothing, and has it in order."""
    server = start_server(HTTP, settings=settings)
    sleeper = join(server, receive_buffer=4096)
    messages = [os.urandom(size) for size in sizes]
    with Wire(server.port) as speaker:
        for message in messages:
            speaker.say(message)
            assert speaker.hear() == message
        for message in messages:
            assert sleeper.hear() == message
        talk(speaker, sleeper)
    sleeper.close()
    is_idle(server)


def test_slow_client_that_goes_on_reading_is_not_dropped(start_server, join):
    """A photo on bad Wi-Fi: the pong comes behind it, long after PING_AFTER, and that is no end."""
    server = start_server(HTTP, settings={"PING_AFTER": 1})
    speaker, slow = join(server), join(server, receive_buffer=200_000)
    photo = os.urandom(16_000_000)
    speaker.say(photo)
    assert speaker.hear() == photo
    end = time.monotonic() + 6
    while time.monotonic() < end:
        slow.reader.feed_data(slow.socket.recv(100_000))
        time.sleep(0.05)
    assert slow.hear() == photo
    slow.say("got it")
    assert slow.hear() == "got it"


def test_memory_for_stalled_readers_is_shared(start_server, join):
    """Five clients that do not read cost the message once, not five times."""
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    for _ in range(5):
        join(server, receive_buffer=4096)
    speaker = join(server)
    for _ in range(14):
        speaker.say(bytes(1_000_000))
        speaker.hear()
    assert process.memory_info().rss < 90e6


def test_one_who_asks_and_does_not_read(start_server, join):
    """Pongs for a client that never reads are bounded, too."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 500_000})
    client, healthy = join(server, receive_buffer=4096), join(server)
    pings = frame(PING, b"x" * 125) * 2000
    with contextlib.suppress(ConnectionError):
        for _ in range(1000):
            client.send(pings)
            if "connection closed" in server.output:
                break
    server.expect("connection closed")
    talk(healthy)


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
def test_slow_client_is_cut_while_its_writer_waits(lesson, left, join):
    """The writer that waits for it ends with it."""
    server = lesson("""
def message_received(client, server, message):
    if message == "cut":
        server.disconnect_clients_abruptly()
    server.send_message_to_all(message)
""")
    before = left(server)
    slow = join(server, receive_buffer=4096)
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
