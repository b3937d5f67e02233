"""For weeks: millis() begins at 0 again, and everything goes wrong that can."""

import os
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


DAYS = float(os.environ.get("BOARD_DAYS", "0.25"))


@pytest.mark.parametrize("radio", ["nina", "esp32"])
def test_days_of_bursts_and_ends(start, server, radio):
    """Every ten minutes a burst of messages, and then an end of some kind. What the network has
    brought is printed, and the memory stays as it was in the beginning. BOARD_DAYS=7 is a week.
    """
    board, chance, printed, number = start(radio, tick=500), random.Random(radio), [], 0
    ends = {
        # Only its own half: so all that it has sent is brought.
        "the server cuts": lambda visitor: visitor.socket.shutdown(socket.SHUT_WR),
        "the server leaves": lambda visitor: visitor.leave(1001),
        "the server is mute": lambda visitor: setattr(visitor, "mute", True),
        "the server is away": lambda visitor: server.close(),
        "the Wi-Fi is away": lambda visitor: board.tell("wifi 0"),
        "nothing": lambda visitor: None,
    }
    base = None
    for round_number in range(int(DAYS * 24 * 6)):
        since = board.now
        board.until(lambda since=since: server.readings(since), 120_000)
        visitor = server.visitors[-1]
        said = []
        for _ in range(chance.randrange(1, 60)):
            number += 1
            said.append(f"{number} " + "x" * chance.choice([0, 10, 200, 3000]))
            visitor.say(said[-1])
        end = list(ends)[round_number % len(ends)]
        if "away" in end:
            board.run(60_000)
        ends[end](visitor)
        board.run(120_000)
        if not server.listener:
            server.open()
        board.tell("wifi 1")
        board.run(480_000 - (60_000 if "away" in end else 0))
        printed = [
            line[10:] for line in board.serial.splitlines() if line[10:].split(" ")[0].isdigit()
        ]
        assert printed == said, end
        base = base or board.heap
        assert board.heap == base and board.peak < base + 1000
        # Only the last connection counts from here on.
        board.serial, board.seen = "", 0
        server.visitors[:-1] = []
    assert number > 100
