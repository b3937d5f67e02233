"""A slow client gets everything, once and in order, or is cut off: and only that one pays."""

import concurrent.futures
import contextlib
import os
import threading
import time

import pytest
from wire import PING, TEXT, Wire, close_frame, frame, gather, is_idle, meanwhile, served, talk

HTTP = "http_ws_server_example"


@pytest.mark.parametrize("how", ["listens", "asks"])
def test_client_that_never_reads_is_cut_off_and_only_that_one(start_server, join, how):
    """What waits for it is bounded, whether others speak or it floods the server with pings."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 1_000_000})
    stalled, speaker, listener = join(server, receive_buffer=4096), join(server), join(server)
    if how == "listens":
        while "connection closed" not in server.output:
            speaker.say("x" * 100_000)
            assert len(speaker.hear()) == len(listener.hear()) == 100_000
    else:
        with contextlib.suppress(ConnectionError):
            while "connection closed" not in server.output:
                stalled.send(frame(PING, b"x" * 125) * 2000)
    talk(speaker, listener)
    server.expect(r"^127\.0\.0\.1: cut off, more than 1000000 bytes")
    server.expect("^connection closed")
    assert server.output.count("connection closed") == 1
    assert server.errors == ""


@pytest.mark.parametrize(
    "settings, sizes",
    [({}, [300_000] * 10 + [6_000_000] * 2), ({"MAX_BACKLOG": 100_000}, [10_000_000])],
    ids=["below the bound", "one message, however long"],
)
def test_client_that_slept_gets_everything(start_server, join, settings, sizes):
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


def test_slow_client_that_goes_on_reading_stays(start_server, join):
    """A photo on bad Wi-Fi: for longer than SILENCE the client can say nothing, but it takes.

    A megabyte is what the server's system may keep for a client, out of the server's sight.
    """
    server = start_server(HTTP, settings={"PING_EVERY": 0.3, "SILENCE": 1.5})
    speaker, slow = join(server), join(server, receive_buffer=4096)
    photo = os.urandom(1_000_000)
    with meanwhile(lambda: [speaker.hear(), *[speaker.sync() for _ in range(3)]]):
        speaker.say(photo)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        slow.reader.feed_data(slow.socket.recv(5000))
        time.sleep(0.025)
    assert slow.hear() == photo
    slow.say("got it")
    assert slow.hear() == "got it"


def test_close_frame_waits_behind_what_is_under_way(start_server, join):
    """A client that says goodbye and then reads slowly gets every answer, and the close frame."""
    server = start_server(HTTP, settings={"CLOSE_TIME": 0.5})
    client = join(server, receive_buffer=4096)
    messages = [os.urandom(1_000_000) for _ in range(12)]
    with meanwhile(lambda: [client.say(message) for message in messages]):
        pass
    client.send(frame(0x8, b"\x03\xe8"))
    time.sleep(2)  # longer than CLOSE_TIME, shorter than SILENCE
    for message in messages:
        assert client.hear() == message
    assert client.ending() == 1000


def test_all_speak_and_all_hear_the_same_order(start_server, join):
    """Ten clients speak at once: each hears everything, in one order that is the same for all."""
    server = start_server(HTTP, settings={"SILENCE": 1000})
    clients = [join(server) for _ in range(10)]
    texts = [[f"{who} {number:4}" for number in range(300)] for who in range(10)]
    size = sum(len(served(text)) for row in texts for text in row)
    start = threading.Barrier(10)

    def speak(client, row):
        start.wait()
        for text in row:
            client.say(text)

    speakers = [threading.Thread(target=speak, args=pair) for pair in zip(clients, texts)]
    for speaker in speakers:
        speaker.start()
    received = gather(clients, size)
    assert len(set(received)) == 1
    heard = [received[0][place + 2 : place + 8].decode() for place in range(0, size, 8)]
    for who, row in enumerate(texts):
        assert [text for text in heard if text.startswith(f"{who} ")] == row


ANSWERS = """
def message_received(client, server, message):
    server.send_message_to_all("all " + message)
    server.send_message(client, "you " + message)
    server.send_message_to_all("more " + message)
"""


def test_answer_does_not_overtake_what_was_sent_to_all(lesson, join):
    """To one and to all: each client gets them in the order they were sent."""
    server = lesson(ANSWERS)
    clients = [join(server) for _ in range(6)]
    names = [[f"{who}.{number}" for number in range(150)] for who in range(6)]
    for client, own in zip(clients, names):
        client.send(b"".join(frame(TEXT, name) for name in own))
    for client, own in zip(clients, names):
        place = {client.hear(): number for number in range(2 * 6 * 150 + 150)}
        for name in own:
            assert place[f"all {name}"] < place[f"you {name}"] < place[f"more {name}"]


BABBLES = """
def babble():
    while True:
        server.send_message_to_all("x")
        time.sleep(0)

def new_client(client, server):
    if client["id"] == 1:
        for _ in range(4):
            threading.Thread(target=babble, daemon=True).start()
"""


def test_close_frame_is_answered_while_others_speak(lesson, join):
    """Another thread may hold the answer when the client's own thread is done."""
    server = lesson(BABBLES)
    join(server)

    def come_and_go(_):
        with Wire(server.port) as client:
            client.send(close_frame(1000))
            return client.ending()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(come_and_go, range(1000))) == {1000}


def test_client_that_is_closed_while_others_speak_is_cut_off(lesson, join):
    """Its close frame may go out right behind a message to it."""
    closes = """
def message_received(client, server, message):
    server.send_message(client, "bye")
    client["handler"].send_close(4000)
"""
    server = lesson(BABBLES + closes)
    join(server)
    clients = [join(server) for _ in range(50)]
    for client in clients:
        client.say("go")
    for client in clients:
        assert client.ending() == 4000 and client.is_at_end()


def test_newcomer_misses_nothing_while_others_speak(lesson, join):
    """The answer to its handshake comes first, and what is said from then on is said to it too."""
    server = lesson(BABBLES)
    speaker = join(server)
    for number in range(100):
        with Wire(server.port) as newcomer:
            assert newcomer.status == 101
            speaker.say(str(number))
            assert newcomer.hear_until(str(number)) and speaker.hear_until(str(number))
