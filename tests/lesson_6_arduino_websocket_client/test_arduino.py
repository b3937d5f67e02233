"""The Arduino sketch, built unchanged for this computer, against a scripted server.

Time is simulated and passes in step with the test (support/arduino_host/board.py): the figures
in ms are the sketch's own, and exact on a busy computer too.
"""

import random
import re
import sys

import course
import pytest
from arduino_host import build
from arduino_host.board import Board, Server, Visitor, frame
from course import free_port, need
from websockets.frames import Opcode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the host has POSIX sockets")
SKETCH = course.ROOT / "arduino_websocket_client" / "arduino_websocket_client.ino"
NAIVE = course.TESTS / "support" / "arduino_host" / "naive.ino"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Returns program(board="nina", sketch=SKETCH): the path of a build with sanitizers."""
    compiler = need("g++", "clang++")
    done = {}

    def make(board="nina", sketch=SKETCH):
        if (board, sketch) not in done:
            folder = tmp_path_factory.mktemp(board)
            source = build.translate(sketch, folder, board)
            build.build(compiler, source, "-g", *build.SANITIZERS, "-o", folder / "sketch")
            done[board, sketch] = folder / "sketch"
        return done[board, sketch]

    return make


@pytest.fixture
def server():
    """A scripted server that listens; closed with the test."""
    server = Server(free_port())
    yield server
    server.close()


@pytest.fixture
def start(program, server):
    """Returns start(board="nina", sketch=SKETCH, **settings): the sketch, just switched on."""
    boards = []

    def switch_on(board="nina", sketch=SKETCH, **settings):
        boards.append(Board(program(board, sketch), server, **settings))
        return boards[-1]

    switch_on.boards = boards
    yield switch_on
    for board in boards:
        board.close()


@pytest.fixture
def connected(start, server):
    """Returns (board, visitor): the sketch after its first message, and its connection."""
    board = start()
    board.until(server.readings)
    board.expect("Sent: ")
    return board, server.visitors[0]


def answer(status, body=b"no"):
    """Returns a greet() that answers a handshake with an HTTP status and stays connected."""
    return lambda visitor: visitor.send(
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


# ---- messages --------------------------------------------------------------------------


def test_the_first_reading_comes_at_once_and_then_one_every_five_seconds(start, server):
    board = start(path="/raw")
    board.until(lambda: len(server.readings()) == 5, 30000)
    assert server.visitors[0].request.path == "/raw"
    times = [time for time, text in server.readings()]
    assert {text for time, text in server.readings()} == {'{"sensor": 512}'}
    assert times[0] < 3000
    assert all(5000 <= later - sooner <= 5050 for sooner, later in zip(times, times[1:]))
    assert 'Connected.\nSent: {"sensor": 512}\n' in board.serial
    board.tell("sensor 7")
    board.until(lambda: server.readings()[-1][1] == '{"sensor": 7}')


def test_it_says_which_network_and_which_address_it_tries(start, server):
    board = start(path="/raw")
    board.expect("Joining the network class, status 0\n")
    board.expect(f"127.0.0.1 connects to 127.0.0.1:{server.port}/raw\nConnected.\n")


def test_a_message_is_printed(connected):
    board, visitor = connected
    visitor.say("How are you? äöü")
    board.expect("Received: How are you? äöü\n", 100)
    visitor.send(frame(b"") + frame(b"both") + frame(b"at once", Opcode.BINARY))
    board.expect("Received: \nReceived: both\nReceived: at once\n", 200)


@pytest.mark.parametrize("form", ["{}", '"127.0.0.1: {}"', '"::1: {}"'])
def test_on_and_off_switch_the_led(connected, form):
    board, visitor = connected
    board.run(200)
    assert board.led == 0
    visitor.say(form.format("on"))
    board.run(2000)
    assert board.led == 1
    visitor.say(form.format("nothing that switches, says the button"))
    board.run(2000)
    assert board.led == 1
    visitor.say(form.format("off"))
    board.run(2000)
    assert board.led == 0


def test_the_led_blinks_while_joining_and_is_on_for_a_moment_at_a_message(start, server):
    board = start()
    board.until(server.readings)
    assert len(board.leds) >= 2, "no blinking"
    board.run(500)
    before = len(board.leds)
    assert board.led == 0
    server.visitors[0].say("hello")
    board.run(500)
    (on, first), (off, second) = board.leds[before:]
    assert (first, second) == (1, 0) and 50 <= off - on <= 150


# ---- messages in pieces ----------------------------------------------------------------


@pytest.mark.parametrize("board_name", list(build.BOARDS))
def test_a_message_in_two_segments(start, server, board_name):
    board = start(board_name)
    board.until(server.readings)
    visitor, message = server.visitors[0], frame(b"first and second")
    visitor.send(message[:7])
    visitor.later(900, message[7:])
    board.expect("Received: first and second\n", 1500)
    assert len(server.visitors) == 1


@pytest.mark.parametrize("board_name", list(build.BOARDS))
def test_a_frame_split_after_its_first_byte(start, server, board_name):
    board = start(board_name)
    board.until(server.readings)
    visitor, message = server.visitors[0], frame(b"x" * 200)
    visitor.send(message[:1])
    visitor.later(700, message[1:])
    board.expect(f"Received: {'x' * 200}\n", 1500)
    # … and inside the length, which takes four bytes here.
    visitor.send(message[:3])
    visitor.later(700, message[3:])
    board.expect(f"Received: {'x' * 200}\n", 1500)
    assert len(server.visitors) == 1


def test_fragments_are_one_message_and_a_ping_between_them_is_answered(connected):
    board, visitor = connected
    visitor.send(
        frame(b"one ", fin=False)
        + frame(b"\x00\xff", Opcode.PING)
        + frame(b"two ", Opcode.CONT, fin=False)
        + frame(b"three", Opcode.CONT)
    )
    board.expect("Received: one two three\n", 200)
    assert board.serial.count("Received") == 1
    assert visitor.pongs == [b"\x00\xff"]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))], ids=len)
def test_a_ping_is_answered_also_when_its_payload_is_late(connected, payload):
    board, visitor = connected
    ping = frame(payload, Opcode.PING)
    visitor.send(ping)
    board.until(lambda: visitor.pongs == [payload], 200)
    visitor.send(ping[:2])
    visitor.later(800, ping[2:])
    board.until(lambda: visitor.pongs == [payload] * 2, 1500)


@pytest.mark.parametrize("cut", [1, 2, 3, 9])
def test_a_connection_cut_inside_a_message(connected, server, cut):
    board, visitor = connected
    visitor.send(frame(b"x" * 200)[:cut])
    visitor.later(300, None)
    board.expect("The connection broke inside a message.\n", 1000)
    board.until(lambda: server.readings(visitor.server.now), 8000)
    assert len(server.visitors) == 2


@pytest.mark.parametrize("kind", [Opcode.TEXT, Opcode.PING, Opcode.CLOSE])
def test_a_message_that_never_ends_is_given_up(connected, server, kind):
    board, visitor = connected
    visitor.send(frame(b"x" * 100, kind)[:50])
    began = board.now
    board.expect("The connection broke inside a message.\n", 6000)
    assert board.now - began < 5000
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


def test_a_flood_of_one_endless_message_is_given_up(connected, server):
    board, visitor = connected
    visitor.send(b"\x81\x7f\x7f" + b"\xff" * 7)
    for moment in range(0, 8000, 5):
        visitor.later(moment, b"x" * 1000)
    board.expect("The connection broke inside a message.\n", 6000)
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


@pytest.mark.parametrize("rubbish", [b"\x81\x85abcdh", b"\xc1\x05hello", b"HTTP/1.1 200 OK\r\n"])
def test_what_is_no_frame_of_a_server_ends_the_connection(connected, server, rubbish):
    board, visitor = connected
    visitor.send(rubbish)
    board.expect("The connection broke inside a message.\n", 5000)
    assert "Received" not in board.serial
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


# ---- lengths ---------------------------------------------------------------------------


def test_128_bytes_go_out_and_129_do_not(connected, server):
    board, visitor = connected
    for count in (1, 125, 126, 127, 128):
        board.tell(f"send {count}")
        board.until(lambda count=count: visitor.texts[-1][1] == "x" * count, 200)
    before = len(visitor.texts)
    board.tell("send 129")
    board.expect("Not sent: a message may have 128 bytes.\n", 200)
    board.run(1000)
    assert len(visitor.texts) == before
    board.until(lambda: visitor.texts[-1][1] == '{"sensor": 512}', 6000)
    assert len(server.visitors) == 1


def test_a_3000_byte_message(connected, server):
    board, visitor = connected
    text = "".join(f"{number:4}," for number in range(600))
    visitor.say(text)
    board.expect(f"Received: {text}\n", 3000)
    visitor.say("on")
    board.run(500)
    assert board.led == 1 and len(server.visitors) == 1


def test_of_a_longer_message_only_the_beginning_is_kept(connected, server):
    board, visitor = connected
    visitor.say("y" * 100_000)
    visitor.say("after it")
    board.expect(f"Received: {'y' * 4000}\n(That was only its beginning.)\nReceived: after it\n")
    assert len(server.visitors) == 1


# ---- the server goes and comes ---------------------------------------------------------


@pytest.mark.parametrize("board_name", list(build.BOARDS))
def test_a_restarted_server_gets_the_same_path_again(start, server, board_name):
    board = start(board_name, path="/room/1?name=board")
    board.until(server.readings)
    server.close()
    board.expect("Nobody answered. Is the server running, and is this its address?\n", 30000)
    server.open()
    down = board.now
    board.until(lambda: server.readings(down), 30000)
    assert [visitor.request.path for visitor in server.visitors] == ["/room/1?name=board"] * 2


def test_the_server_is_down_at_the_start(start, server):
    server.close()
    board = start()
    board.expect("Nobody answered.", 20000)
    failed = board.now
    board.expect("connects to", 5000)
    assert board.now - failed >= 2900, "no pause between two tries"
    board.expect("Nobody answered.", 20000)
    server.open()
    board.until(server.readings, 15000)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_an_answer_other_than_101_is_no_connection(start, server, status):
    server.greet = answer(status)
    board = start(path="/wrong")
    for _ in range(3):
        board.expect(f"The server refused, with HTTP status {status}\n", 8000)
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
        (b"HTTP/1.1 10", "The server did not answer in time."),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs",
            "The server did not answer in time.",
        ),
        (b"SSH-2.0-server\r\n", "What answered is no WebSocket server."),
    ],
    ids=["silent", "half a line", "half an answer", "another protocol"],
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
    visitor.leave(code)
    board.expect("The server ended the connection.\n", 1000)
    board.until(lambda: visitor.ended, 1000)
    assert visitor.closed.code == 1000
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts, 8000)


def test_a_server_that_has_become_mute_is_left(connected, server):
    board, visitor = connected
    visitor.mute = True
    board.expect("No word from the server any more.\n", 13000)
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts, 8000)


def test_a_message_that_can_not_go_out_ends_the_connection(connected, server):
    board, visitor = connected
    board.tell("block 1")
    board.expect("Not sent, the connection is lost.\n", 6000)
    assert board.serial.count("Sent: ") == 1 and board.busiest < 5000
    board.tell("block 0")
    board.until(lambda: len(server.visitors) == 2 and server.visitors[1].texts)


def test_a_quiet_server_is_kept_because_it_answers_pings(connected, server):
    board, visitor = connected
    board.run(60000)
    assert len(server.visitors) == 1 and len(visitor.texts) == 12
    assert visitor.pings and all(ping.decode("utf-8") for ping in visitor.pings)


# ---- the network goes and comes --------------------------------------------------------


@pytest.mark.parametrize("board_name", list(build.BOARDS))
def test_the_network_is_lost_and_comes_back(start, server, board_name):
    board = start(board_name)
    board.until(server.readings)
    board.tell("wifi 0")
    board.run(20000)
    assert board.serial.count("Joining the network") >= 2
    assert len({time // 250 for time, led in board.leds}) > 20, "no blinking"
    board.tell("wifi 1")
    back = board.now
    board.until(lambda: server.readings(back), 20000)
    assert len(server.visitors) == 2


def test_after_a_short_loss_nothing_is_sent_on_the_old_connection(connected, server):
    board, visitor = connected
    board.tell("wifi 0")
    board.expect("Joining the network class, status 5\n")
    board.tell("wifi 1")
    board.expect("Sent: ")
    assert board.serial.count("Connected.") == board.serial.count("Sent: ") == 2


@pytest.mark.parametrize("board_name", list(build.BOARDS))
def test_a_network_that_takes_long_to_join(start, server, board_name):
    board = start(board_name)
    board.tell("join 7000")
    board.until(server.readings, 12000)
    assert board.serial.count("Joining the network") == 1


@pytest.mark.parametrize("settings, status", [({"network": "none"}, 1), ({"password": "no"}, 4)])
def test_a_network_that_can_not_be_joined(start, server, settings, status):
    board = start(**settings)
    board.run(35000)
    tries = [int(n) for n in re.findall(r"Joining the network \w+, status (\d+)\n", board.serial)]
    assert tries == [0] + [status] * 3


def test_examples_in_the_secrets_are_pointed_out(start, server):
    real = (SKETCH.parent / "arduino_secrets.h").read_text()
    examples = dict(re.findall(r'#define (\w+) "(.*)"', real))
    advice = "Put your network and server into arduino_secrets.h, then upload again.\n"
    start(network=examples["SECRET_SSID"]).expect(advice)
    start(address=examples["SECRET_SERVER"]).expect(advice)
    board = start()
    board.run(3000)
    assert advice not in board.serial


# ---- for weeks -------------------------------------------------------------------------


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
    board.until(lambda: server.readings(back), 15000)


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


@pytest.mark.parametrize("seed, board_name", list(enumerate(build.BOARDS)))
def test_ten_minutes_of_misbehaviour(start, server, seed, board_name):
    board = start(board_name)
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
        15000,
    )
    assert len(server.visitors) > 20 and board.serial.count("Connected.") > 10
    # WiFi101 starts anew when it is not left the time to join.
    assert board.busiest <= (15100 if board_name == "wifi101" else 5000)


# ---- the library of the tests is as unforgiving as the real one -------------------------


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
