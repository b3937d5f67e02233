"""For weeks: millis() begins at 0 again, and everything goes wrong that can."""

import random
import socket

import pytest
from arduino_host import build
from arduino_host.board import Visitor, answer, frame
from websockets.frames import Opcode


@pytest.mark.parametrize("before", [4000, 11000, 21000])
def test_millis_begins_at_0_again(start, server, before):
    board = start(millis=2**32 - before)
    board.run(40000)
    times = [time for time, text in server.readings()]
    assert len(server.visitors) == 1 and len(times) == 8
    assert all(4900 <= later - sooner <= 5100 for sooner, later in zip(times, times[1:]))


def test_the_network_is_lost_while_millis_begins_at_0_again(start, server):
    board = start(millis=2**32 - 9000)
    board.until(server.readings)
    board.tell("wifi 0")
    board.run(15000)
    board.tell("wifi 1")
    back = board.now
    board.until(lambda: server.readings(back), 35000)


def test_keys_differ_from_start_to_start(start, server):
    """No two starts take equally long to join the network: that is what makes the difference."""
    for time in (1200, 1300):
        start().tell(f"join {time}")
    # Both boards have the one server: each in its turn.
    keys = []
    for board in start.boards:
        board.expect("Connected.")
        keys.append(server.visitors[-1].request.headers["Sec-WebSocket-Key"])
    assert keys[0] != keys[1]


class Mischief:
    """Does something bad to the board every few seconds, at random."""

    def __init__(self, board, server, seed):
        self.board, self.server, self.random = board, server, random.Random(seed)

    def greet(self, visitor):
        """Answers a handshake, well most of the time."""
        bad = [
            answer(404),
            answer(503),
            answer(200, b"\x81\x05hello" * 50),
            lambda visitor: visitor.send(b"HTTP/1.1 101 OK\r\n"),
            lambda visitor: visitor.cut(),
            lambda visitor: setattr(visitor, "mute", True),
            lambda visitor: visitor.send(self.random.randbytes(300)),
        ]
        (Visitor.accept if self.random.random() < 0.6 else self.random.choice(bad))(visitor)

    def heard(self, visitor, text):
        """Answers a message: whole, late, in pieces, or cut."""
        reply = frame(text.encode())
        at = self.random.randrange(1, len(reply))
        visitor.send(reply[:at])
        if self.random.random() < 0.9:
            visitor.later(self.random.randrange(3000), reply[at:])

    def act(self):
        """Does one bad thing."""
        visitor = self.server.visitors[-1] if self.server.visitors else None
        deeds = [
            lambda: self.board.tell("wifi 0"),
            lambda: self.board.tell("wifi 1"),
            lambda: self.board.tell("wifi 1"),
            self.server.close,
            self.reopen,
            self.reopen,
            lambda: self.board.tell(f"join {self.random.randrange(3000)}"),
        ]
        if visitor:
            deeds += [
                visitor.cut,
                lambda: setattr(visitor, "mute", True),
                lambda: visitor.send(self.random.randbytes(self.random.randrange(1, 400))),
                lambda: visitor.send(frame(self.random.randbytes(125), Opcode.PING)[:60]),
                lambda: visitor.send(frame(b"z" * 20000)),
                lambda: visitor.send(frame(b"", Opcode.CLOSE)),
                lambda: visitor.send(frame(b"part", fin=False)),
                lambda: visitor.send(b"\x88"),
            ]
        self.random.choice(deeds)()

    def reopen(self):
        if not self.server.listener:
            self.server.open()


@pytest.mark.parametrize("seed, radio", list(enumerate(build.RADIOS)))
def test_ten_minutes_of_misbehaviour(start, server, seed, radio):
    board = start(radio)
    mischief = Mischief(board, server, seed)
    server.greet, server.heard = mischief.greet, mischief.heard
    while board.now < 600_000:
        board.run(mischief.random.randrange(200, 6000))
        mischief.act()
    # Now everything is well again, only who was mute stays mute.
    server.greet, server.heard = Visitor.accept, lambda visitor, text: None
    mischief.reopen()
    board.tell("wifi 1")
    for visitor in server.visitors:
        visitor.waiting = []
    well = board.now
    board.until(
        lambda: any(
            visitor.is_open() and visitor.texts and visitor.texts[-1][0] > well
            for visitor in server.visitors
        ),
        70000,
    )
    assert len(server.visitors) > 10 and board.serial.count("Connected.") > 5
    # WiFi101 starts anew when it is not left the time to join: there begin() waits.
    assert board.busiest <= (60100 if radio == "wifi101" else 5000)


def burst(visitor, chance, number):
    """Sends some messages, short and long ones, all at once; returns their texts."""
    texts = []
    for index in range(chance.randrange(1, 40)):
        texts.append(f"{number + index} " + "x" * chance.choice([0, 10, 200, 3000]))
        visitor.say(texts[-1])
    return texts


def end(kind, board, server):
    """Ends the connection in one of six ways, or does not."""
    visitor = server.visitors[-1]
    if kind == "cut":
        # Only its own half, and it answers nothing: so what it has sent is brought.
        visitor.socket.shutdown(socket.SHUT_WR)
    elif kind == "leave":
        visitor.leave(1001)
    elif kind == "away":
        server.close()
    elif kind == "no Wi-Fi":
        board.tell("wifi 0")
    elif kind == "slow Wi-Fi":
        board.tell("wifi 0")
        board.tell("join 50000")
    visitor.mute = kind in ("cut", "mute")


KINDS = ["cut", "leave", "mute", "away", "no Wi-Fi", "slow Wi-Fi", "nothing"]


@pytest.mark.parametrize("radio, days", [("nina", 7), ("esp32", 1)])
def test_a_week_of_bursts_and_ends(start, server, radio, days):
    """Every hour a burst of messages, and then an end of some kind; on the second board for a day.
    What the network has brought is printed, each once and in order, and the Strings take as much
    memory as after the first hour."""
    board, chance, number, base = start(radio), random.Random(radio), 0, None
    for hour in range(days * 24):
        board.tell("tick 20")
        board.until(lambda since=board.now: server.readings(since), 90_000)
        kind = KINDS[hour % len(KINDS)]
        said = burst(server.visitors[-1], chance, number)
        number += len(said)
        lost_with_it = kind in ("away", "no Wi-Fi", "slow Wi-Fi")
        if not lost_with_it:
            end(kind, board, server)
        board.until(lambda last=f"Received: {said[-1]}\n": last in board.serial[-9999:], 60_000)
        if lost_with_it:
            end(kind, board, server)
        # Nothing happens for long: the sketch need not look as often.
        board.tell("tick 4000")
        board.run(120_000)
        if not server.listener:
            server.open()
        board.tell("wifi 1")
        board.run(3_480_000)
        lines = [line[10:] for line in board.serial.splitlines() if line.startswith("Received: ")]
        assert lines == said, kind
        assert kind == "nothing" or board.serial.count("Connected.") >= 1, kind
        base = base or board.heap
        assert board.heap == base and board.peak < base + 1000
        # Only the last connection counts from here on.
        board.tell("join 1200")
        board.serial, board.seen = "", 0
        server.visitors[:-1] = []
    assert board.now > days * 24 * 3_600_000 and number > days * 400
