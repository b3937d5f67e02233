"""Clients that speak a lot, all at once: everything arrives, once and in order."""

import contextlib
import threading

import psutil
from course import PATIENCE
from wire import BINARY, TEXT, Wire, frame, gather, is_idle, meanwhile, served

HTTP = "http_ws_server_example"


def test_flood(start_server, join):
    """20,000 messages of 1 KiB, as fast as they go, to ten readers: all there, all in order.

    The server's memory stays bounded.
    """
    server = start_server(HTTP, settings={"PING_AFTER": 1000})
    process = psutil.Process(server.process.pid)
    readers = [join(server) for _ in range(10)]
    messages = [b"%8d" % number + bytes(1016) for number in range(20_000)]
    sent = [frame(BINARY, message) for message in messages]
    expected = b"".join(map(served, messages))
    most = [0]

    def speak():
        for start in range(0, len(sent), 64):
            readers[0].send(b"".join(sent[start : start + 64]))
            if not start % 640:
                most[0] = max(most[0], process.memory_info().rss)

    with meanwhile(speak):
        received, _ = gather(readers, len(expected))
    assert [data == expected for data in received] == [True] * 10
    assert max(most[0], process.memory_info().rss) < 150 * 1024 * 1024
    for reader in readers:
        reader.close()
    is_idle(server)
    assert server.errors == ""


def test_all_speak_and_all_hear_the_same_order(start_server, join):
    """Ten clients speak at once: each hears everything, in one order that is the same for all."""
    server = start_server(HTTP, settings={"PING_AFTER": 1000})
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
    received, _ = gather(clients, size)
    for speaker in speakers:
        speaker.join()
    assert len(set(received)) == 1
    heard = [received[0][place + 2 : place + 8].decode() for place in range(0, size, 8)]
    for who, row in enumerate(texts):
        assert [text for text in heard if text.startswith(f"{who} ")] == row


ANSWERS = """
def message_received(client, server, message):
    server.send_message_to_all("all " + message)
    server.send_message(client, "you " + message)
    server.send_message_to_all("more " + message)
    if message.endswith("last"):
        client["handler"].send_close(1000, b"enough")
"""


def test_answer_does_not_overtake_what_was_sent_to_all(lesson, join):
    """To one, to all, and the close frame: each client gets them in the order they were sent."""
    server = lesson(ANSWERS)
    clients = [join(server) for _ in range(6)]
    bursts = []
    for who in range(6):
        texts = [f"{who}.{number}" for number in range(150)] + [f"{who}.last"]
        bursts.append(b"".join(frame(TEXT, text) for text in texts))
    heard = [[] for _ in clients]

    def play(who):
        clients[who].send(bursts[who])
        with contextlib.suppress(EOFError):
            while True:
                heard[who].append(clients[who].hear())

    players = [threading.Thread(target=play, args=(who,)) for who in range(6)]
    for player in players:
        player.start()
    for player in players:
        player.join(PATIENCE)
        assert not player.is_alive()
    for who, texts in enumerate(heard):
        place = {text: number for number, text in enumerate(texts)}
        for name in [*range(150), "last"]:
            word = f"{who}.{name}"
            assert place[f"all {word}"] < place[f"you {word}"] < place[f"more {word}"]


BUSY = """
import time

def talk_for_ever(server):
    number = 0
    while True:
        server.send_message_to_all(str(number))
        number += 1
        if number % 50 == 0:
            time.sleep(0.001)

def new_client(client, server):
    print("in", client["id"])
    if client["id"] == 1:
        for _ in range(3):
            threading.Thread(target=talk_for_ever, args=(server,), daemon=True).start()
"""


def test_sending_from_other_threads_while_clients_come_and_go(lesson):
    """As a serial port does: nothing is raised, and each client hears whole messages only."""
    server = lesson(BUSY)
    stay = Wire(server.port)
    server.expect("in 1")
    for number in range(60):
        with Wire(server.port) as client:
            heard = [int(client.hear()) for _ in range(20)]
            assert len(heard) == 20
            if number % 2:
                client.vanish()
        server.expect(f"left {number + 2} 1")
    assert [int(stay.hear()) for _ in range(100)]
    stay.close()
    server.expect("left 1 0")
    assert server.errors == ""
