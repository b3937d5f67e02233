"""What SturdyServer cures: each test shows one weakness of the bare package, and its cure.

The same small lesson runs twice, once with the package's own WebsocketServer and once with
SturdyServer. The same probe asks both. With SturdyServer it has to see what is good, and with the
bare server something else: otherwise the test would not show anything.
"""

import contextlib
import http.client
import os
import select
import signal
import socket
import statistics
import struct
import sys
import threading
import time

import pytest
from course import PATIENCE, ROOT, free_port, missing
from websockets.exceptions import ProtocolError
from wire import (
    BINARY,
    CONT,
    PING,
    PONG,
    TEXT,
    Wire,
    allow_many_sockets,
    close_frame,
    frame,
    odd_frame,
    request,
)

BARE, STURDY = "websocket_server import WebsocketServer", "sturdy_websocket import SturdyServer"
# How long a probe waits for what may never come from the bare server.
SHORT = 1
NOTHING = "nothing"
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows can't stop a process for a while")

LESSON = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
{settings}
from {server} as Server

def print(*words):
    # In one piece: lines of several threads do not mix.
    sys.stdout.write(" ".join(map(str, words)) + "\\n")

def new_client(client, server):
    print("in", client["id"])

def client_left(client, server):
    print("left", client["id"])

def message_received(client, server, message):
    server.send_message_to_all(message)

{code}

sys.stdout.reconfigure(line_buffering=True)
server = Server(host={host!r}, port=int(os.environ["PORT"]){more})
server.set_fn_new_client(new_client)
server.set_fn_client_left(client_left)
server.set_fn_message_received(message_received)
print("ready")
server.run_forever()
"""


@pytest.fixture
def compare(run, tmp_path):
    """Returns compare(probe, good, code=…): runs the lesson with both servers.

    probe(server) talks to a server and returns what it saw; an error of a connection counts as
    seen, too. With SturdyServer that is good, with the bare server it is not; returned is what
    the bare one showed.
    """

    def start(server, code="", host="127.0.0.1", settings="", more=""):
        file = tmp_path / f"{server.split()[0]}{free_port()}.py"
        file.write_text(
            LESSON.format(
                server=server,
                code=code,
                host=host,
                more=more,
                settings=(
                    f"import sturdy_websocket; {settings}" if server == STURDY and settings else ""
                ),
            )
        )
        strict = ["-X", "dev", "-W", "error"] if server == STURDY else []
        program = run(
            [sys.executable, *strict, file, ROOT / "ws_server_example"],
            env={"PORT": (port := free_port())},
        )
        program.may_complain = server == BARE
        program.port, program.bare = port, server == BARE
        program.patience = SHORT if server == BARE else PATIENCE
        program.wire = lambda *args, **options: Wire(
            port, *args, patience=program.patience, **options
        )
        program.expect("ready")
        return program

    def both(probe, good, may_complain=False, **lesson):
        sturdy = start(STURDY, **lesson)
        sturdy.may_complain = may_complain
        assert probe(sturdy) == good
        bare = start(BARE, **lesson)
        try:
            seen = probe(bare)
        except (OSError, EOFError) as error:
            seen = error
        assert seen != good, "the bare server does it as well: this shows nothing"
        return seen

    return both


def heard(client):
    """Returns the next message, or that nothing came, or garbage."""
    try:
        return client.hear()
    except ProtocolError:
        return "garbage"
    except (socket.timeout, EOFError, ConnectionError):
        return NOTHING


def ended(client):
    """Returns the close code; 1006 is what a browser shows for an end without a close frame."""
    try:
        return client.ending()
    except socket.timeout:
        return "still open"


def page(server, path="/", **headers):
    """Returns the status of an HTTP answer, or that there was none."""
    try:
        with server.wire(path=None) as client:
            client.send(request(path, **headers))
            return client.read_head()[0]
    except (OSError, EOFError):
        return NOTHING


# ---- clients that leave --------------------------------------------------------------


def test_row_01_farewell(compare):
    """That x has left can be said in client_left: the leaver is out of the list by then, so nothing
    raises there, and every later message to all arrives."""

    def probe(server):
        with server.wire() as stay:
            server.expect("in 1")
            for number in (2, 3):
                leaver = server.wire()
                server.expect(f"in {number}")
                leaver.vanish()
                if not server.bare:
                    server.expect(f"left {number}")
            farewells = {heard(stay), heard(stay)}
            stay.say("hello")
            stay.say("again")
            return farewells, heard(stay), heard(stay)

    compare(
        probe,
        ({"bye 2", "bye 3"}, "hello", "again"),
        code="""
def client_left(client, server):
    server.send_message_to_all(f"bye {client['id']}")
    print("left", client["id"])
""",
    )


BROKEN = """
hold = threading.Event()

def message_received(client, server, message):
    # While this client's thread waits here, it can't find out that its client is gone.
    if message == "hold":
        print("holding")
        hold.wait(20)
    else:
        server.send_message_to_all(message)
"""


def test_row_02_broken_connection(compare):
    """A connection that broke a moment ago does not keep a message from the clients after it in the
    list, nor throw the speaker out."""

    def probe(server):
        broken = server.wire()
        server.expect("in 1")
        with server.wire() as speaker, server.wire() as third:
            server.expect("in 2")
            server.expect("in 3")
            broken.say("hold")
            server.expect("holding")
            broken.vanish()
            speaker.say("hello")
            return heard(speaker), heard(third)

    assert compare(probe, ("hello", "hello"), code=BROKEN) == (NOTHING, NOTHING)


def test_row_03_one_that_never_reads(compare):
    """A client that does not read (a paused tab, a sleeping laptop) does not freeze the others."""

    def probe(server):
        stalled = server.wire(receive_buffer=4096)
        server.expect("in 1")
        with server.wire() as speaker:
            server.expect("in 2")
            count = 0
            for _ in range(150):
                speaker.say("x" * 60_000)
                if heard(speaker) == NOTHING:
                    break
                count += 1
        stalled.close()
        return count

    assert compare(probe, 150) < 150


def test_row_04_whole_frames_with_a_timeout(compare):
    """A frame that does not fit into the send buffer at once is not cut, even if the socket has a
    timeout (the cure for a frozen client that comes to mind first)."""

    def probe(server):
        with server.wire(receive_buffer=4096) as client:
            server.expect("in 1")
            client.say("send")
            server.expect("sent")
            got = heard(client), heard(client)
            return len(got[0]), got[1]

    compare(
        probe,
        (8_000_000, "next"),
        code="""
def new_client(client, server):
    client["handler"].connection.settimeout(0.5)
    print("in", client["id"])

def message_received(client, server, message):
    server.send_message(client, "x" * 8_000_000)
    print("sent")
    time.sleep(0.7)
    server.send_message(client, "next")
""",
    )


def test_row_17_list_that_changes(compare):
    """A loop over server.clients skips nobody when somebody leaves meanwhile."""

    def probe(server):
        clients = []
        for number in range(1, 5):
            clients.append(server.wire())
            server.expect(f"in {number}")

        def leave():
            if heard(clients[0]) == "to all":
                clients[0].close()

        thread = threading.Thread(target=leave)
        thread.start()
        clients[3].say("to all")
        result = [heard(client) for client in clients[1:]]
        thread.join()
        for client in clients[1:]:
            client.close()
        return result

    seen = compare(
        probe,
        ["to all"] * 3,
        code="""
def message_received(client, server, message):
    for other in server.clients:
        server.send_message(other, message)
        while other["id"] == 1 and other in server.clients:
            time.sleep(0.005)
""",
    )
    assert NOTHING in seen


@posix_only
def test_row_23_a_big_class_leaves(compare):
    """After many clients have left at once none of them is left in the list, and who comes then can
    speak."""

    allow_many_sockets(1000)

    def leave_at_once(server):
        clients = [server.wire() for _ in range(1000)]
        for _ in clients:
            server.expect("in [0-9]")
        server.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.vanish()
        server.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(pytest.fail.Exception):
            for _ in clients:
                server.expect("left", timeout=server.patience)

    def probe(server):
        answers = set()
        # Chance takes a part in it: the bare server gets some more of them.
        for _ in range(5 if server.bare else 1):
            leave_at_once(server)
            with server.wire() as late:
                late.say("hello")
                answers.add(heard(late))
            server.expect("left", timeout=server.patience)
            if answers != {"1 hello"}:
                break
        return answers

    compare(
        probe,
        {"1 hello"},
        code="""
# Threads take turns far more often than usual, so that what can happen does.
sys.setswitchinterval(1e-6)

def client_left(client, server):
    print("left", client["id"] if client else None)

def message_received(client, server, message):
    server.send_message(client, f"{len(server.clients)} {message}")
""",
    )


# ---- frames --------------------------------------------------------------------------


def test_row_05_fragments(compare):
    """A message may come in fragments: browsers cut every big one."""

    def probe(server):
        with server.wire() as client:
            client.send(frame(TEXT, "one ", False) + frame(CONT, "and ", False))
            client.send(frame(CONT, "the same"))
            return heard(client)

    assert compare(probe, "one and the same") == "one "


def test_row_06_binary(compare):
    """A binary message is a message: bytes for the lesson, and bytes back."""

    def probe(server):
        with server.wire() as client:
            client.send(frame(BINARY, b"\xff\x00"))
            return heard(client)

    assert compare(probe, b"\xff\x00") == NOTHING


def test_row_07_close_handshake(compare):
    """A close frame is answered with its code, so that a browser reports a clean end."""

    def probe(server):
        with server.wire() as client, server.wire() as other:
            client.send(close_frame(1000, b"done"))
            other.send(close_frame())
            return ended(client), ended(other)

    assert compare(probe, (1000, None)) == (1006, 1006)


def test_row_08_ping_with_any_bytes(compare):
    """A ping may carry any bytes (libraries and boards send random ones): they come back as they
    were."""

    def probe(server):
        with server.wire() as client:
            client.send(frame(PING, b"\xff\xfe\x80"))
            return client.read()

    compare(probe, (PONG, b"\xff\xfe\x80"))


def test_row_09_broken_rules(compare):
    """What breaks a rule is refused with 1002: a ping over 125 bytes, a cut ping, a reserved bit, a
    close code that must not be sent."""
    breaches = [
        odd_frame(0x89, b"x" * 126),
        odd_frame(0x09, b"x"),
        odd_frame(0xC1, b"x"),
        close_frame(1006),
    ]

    def probe(server):
        codes = []
        for breach in breaches:
            with server.wire() as client:
                client.socket.settimeout(min(server.patience, 1) if server.bare else PATIENCE)
                client.send(breach)
                try:
                    codes.append(ended(client))
                except Exception as error:  # an illegal pong, which the client can't read
                    codes.append(type(error).__name__)
        return codes

    seen = compare(probe, [1002] * 4)
    assert 1002 not in seen


def test_row_10_declared_length(compare):
    """A length is not believed: too much is refused with 1009 at once, before a byte is stored."""

    def probe(server):
        codes = []
        for length in (8 << 30, (1 << 63) - 1):
            with server.wire() as client:
                client.socket.settimeout(1 if server.bare else PATIENCE)
                client.send(b"\x81\xff" + struct.pack("!Q", length) + b"mask")
                codes.append(ended(client))
        return codes, "Traceback" in server.errors

    # Never let the bare server reserve 8 GB on the computer that runs the tests.
    limit = (
        ""
        if os.name == "nt"
        else """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
"""
    )
    compare(probe, ([1009, 1009], False), code=limit)


def test_row_11_text_that_is_none(compare):
    """Bytes that are no text end with 1007 and without a traceback, and a number given to
    send_message raises an error that is seen, instead of vanishing."""

    def wrong_bytes(server):
        with server.wire() as client:
            client.send(frame(TEXT, b"caf\xe9"))
            return ended(client), "Traceback" in server.errors

    assert compare(wrong_bytes, (1007, False))[0] == 1006

    def number(server):
        with server.wire() as client:
            server.expect("in 1")
            client.say("number")
            with contextlib.suppress(pytest.fail.Exception):
                server.expect_error("TypeError", timeout=server.patience)
            return "TypeError" in server.errors

    assert (
        compare(
            number,
            True,
            may_complain=True,
            code="""
def message_received(client, server, message):
    server.send_message(client, 512)
""",
        )
        is False
    )


# ---- handshake -----------------------------------------------------------------------


def test_row_12_browser(compare):
    """A browser that is pointed at the server gets a page, and the terminal no traceback."""

    def probe(server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=server.patience)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status, server.errors
        except (OSError, http.client.HTTPException):
            server.expect_error("Traceback")
            return NOTHING, server.errors
        finally:
            connection.close()

    assert compare(probe, (426, ""))[0] == NOTHING


def test_row_13_client_that_never_was(compare):
    """client_left is called for those who had come in, not with None after a failed handshake."""

    def probe(server):
        for data in (b"", b"GET / HTTP/1.1\r\n\r\n", request(Sec_WebSocket_Key=None)):
            with server.wire(path=None) as client:
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    while client.socket.recv(1000):
                        pass
        with server.wire() as client:
            client.say("hello")
            client.hear()
        server.expect("left 1")
        return server.output.count("left"), server.errors

    compare(
        probe,
        (1, ""),
        code="""
def client_left(client, server):
    print("left", client["id"] if client else None)
""",
    )


def test_row_14_silence_before_the_handshake(compare):
    """Who says nothing, or half a header, or a header without an end, is cut off in time."""

    def probe(server):
        starts = [b"", b"GET / HTTP/1.1\r\nHost: lo", b"GET / HTTP/1.1\r\nX: " + b"x" * 500_000]
        clients, ends = [server.wire(path=None) for _ in starts], []
        for client, start in zip(clients, starts):
            with contextlib.suppress(ConnectionError):
                client.send(start)
        for client in clients:
            try:
                while client.socket.recv(65536):
                    pass
                ends.append("cut off")
            except ConnectionError:
                ends.append("cut off")
            except socket.timeout:
                ends.append("still open")
                for other in clients:
                    other.socket.settimeout(0.1)
        for client in clients:
            client.close()
        return ends

    assert (
        compare(probe, ["cut off"] * 3, settings="sturdy_websocket.REQUEST_TIME = 0.5")
        == ["still open"] * 3
    )


def test_row_15_version_and_subprotocol(compare):
    """Another version than 13 is refused with 426, and of the subprotocols a page names one is
    chosen: without that a browser gives up."""

    def probe(server):
        old = page(server, Sec_WebSocket_Version="8")
        with server.wire(Sec_WebSocket_Protocol="mqtt") as client:
            return old, client.headers.get("sec-websocket-protocol")

    assert compare(probe, (426, "mqtt")) == (101, None)


def test_row_16_path_and_headers(compare):
    """A lesson can see which path and which page a client came with."""

    def probe(server):
        with server.wire("/room/7", Origin="http://localhost:5500") as client:
            client.say("where am I?")
            return heard(client)

    compare(
        probe,
        "/room/7 http://localhost:5500",
        code="""
def message_received(client, server, message):
    handler = client["handler"]
    server.send_message(client, f"{handler.path} {handler.headers['Origin']}")
""",
    )


# ---- lessons and servers -------------------------------------------------------------


def test_row_18_lesson_that_raises(compare):
    """An error in the lesson prints its traceback and tells the client with 1011."""

    def probe(server):
        with server.wire() as client, server.wire() as other:
            client.say("hello")
            code = ended(client)
            other.say("[1]")
            server.expect_error("JSONDecodeError")
            return code, heard(other)

    assert (
        compare(
            probe,
            (1011, "[1]"),
            may_complain=True,
            code="""
import json

def message_received(client, server, message):
    server.send_message(client, str(json.loads(message)))
""",
        )[0]
        == 1006
    )


def test_row_19_no_false_security(compare):
    """Asked for encryption, the bare server serves plain text with a mere warning when it can't.

    SturdyServer does not know these options, and says so before anybody connects.
    """

    def plain_gets_in(server):
        try:
            with server.wire() as client:
                client.say("secret")
                return heard(client) == "secret"
        except OSError:
            return False

    lesson = """
# An option that a server does not know is a TypeError: nothing is served then.
def Secure(**options):
    try:
        return Server(**options, key="/no/key.pem", cert="/no/cert.pem")
    except TypeError as error:
        print("ready")
        sys.exit(f"refused: {error}")

Server, Server_ = Secure, Server
"""
    lesson = lesson.replace("return Server(", "return Server_(")
    assert compare(plain_gets_in, False, code=lesson) is True


@posix_only
def test_row_20_stopping(compare):
    """Ctrl-C tells the clients with 1001, and who is silent is asked with a ping."""

    def stop(server):
        with server.wire() as client:
            server.expect("in 1")
            server.process.send_signal(signal.SIGINT)
            return ended(client)

    assert compare(stop, 1001) == 1006

    def silence(server):
        with server.wire() as client:
            try:
                return client.read()[0]
            except socket.timeout:
                return NOTHING

    assert compare(silence, PING, settings="sturdy_websocket.PING_AFTER = 0.3") == NOTHING


def test_row_21_both_families_and_logging(compare):
    """IPv6 works as well (browsers try it first for localhost), and the program's logging is left
    alone."""
    if not os.path.exists("/proc/net/if_inet6") and sys.platform == "linux":
        missing("this computer has no IPv6")

    def probe(server):
        met = []
        for host in ("127.0.0.1", "::1"):
            try:
                with server.wire(host=host) as client:
                    client.say("handlers?")
                    met.append(heard(client))
            except OSError:
                met.append(NOTHING)
        return met

    assert compare(
        probe,
        ["0", "0"],
        host="",
        code="""
import logging

def message_received(client, server, message):
    server.send_message(client, str(len(logging.root.handlers)))
""",
    ) == ["1", NOTHING]


def test_row_22_small_messages_in_a_row(compare):
    """Messages in a row do not wait for each other's acknowledgement: that costs 40 ms each."""
    times = {}

    def probe(server):
        with server.wire() as client:
            rounds = []
            for _ in range(25):
                begun = time.perf_counter()
                client.say("two")
                assert client.hear() == client.hear()
                rounds.append(time.perf_counter() - begun)
            times[server.bare] = statistics.median(rounds)
            client.say("nagle?")
            return heard(client)

    assert (
        compare(
            probe,
            "no",
            code="""
import socket

def message_received(client, server, message):
    if message == "two":
        for _ in range(2):
            server.send_message(client, "x" * 1024)
        return
    option = client["handler"].connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    server.send_message(client, "no" if option else "yes")
""",
        )
        == "yes"
    )
    if sys.platform == "linux":
        assert times[False] < times[True] / 2


@posix_only
def test_row_24_everybody_at_once(compare):
    """A hundred who come while the server is busy all get a place in its queue."""

    def probe(server):
        server.process.send_signal(signal.SIGSTOP)
        sockets = [socket.socket() for _ in range(100)]
        try:
            for each in sockets:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", server.port))
            in_line = set()
            with contextlib.suppress(IndexError):
                while len(in_line) < 100:
                    waiting = [each for each in sockets if each not in in_line]
                    in_line.add(select.select([], waiting, [], 0.5)[1][0])
            return len(in_line)
        finally:
            server.process.send_signal(signal.SIGCONT)
            for each in sockets:
                each.close()

    assert compare(probe, 100) < 20


def test_every_row_is_here():
    rows = [int(name.split("_")[2]) for name in globals() if name.startswith("test_row_")]
    assert sorted(rows) == list(range(1, 25))
