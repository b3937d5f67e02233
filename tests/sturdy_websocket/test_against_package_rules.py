"""What SturdyServer cures in frames, handshakes and lessons: each test shows one weakness of the
bare package, and its cure. The rows are numbered in all files test_against_package_*."""

import contextlib
import http.client
import os
import re
import signal
import socket
import statistics
import struct
import sys
import time
from pathlib import Path

import pytest
from comparison import NOTHING, ended, heard, page
from course import PATIENCE, missing
from wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame, odd_frame

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows can't stop a process for a while")


# Row: what it is about, the bytes sent, what comes back from SturdyServer.
FRAMES = {
    5: (
        "a message in fragments: browsers cut every big one",
        frame(TEXT, "one ", False) + frame(CONT, "and ", False) + frame(CONT, "the same"),
        (TEXT, b"one and the same"),
    ),
    6: ("a binary message is a message", frame(BINARY, b"\xff\x00"), (BINARY, b"\xff\x00")),
    7: (
        "a close frame is answered, so that a browser reports a clean end",
        close_frame(1000, b"done"),
        (CLOSE, b"\x03\xe8"),
    ),
    8: (
        "a ping may carry any bytes: libraries and boards send random ones",
        frame(PING, b"\xff\xfe\x80"),
        (PONG, b"\xff\xfe\x80"),
    ),
}


@pytest.mark.parametrize("row", FRAMES)
def test_rows_05_to_08_answers(compare, row):
    _, sent, good = FRAMES[row]

    def probe(server):
        with server.wire() as client:
            client.send(sent)
            opcode, payload = client.read()
            return opcode, payload[:2] if opcode == CLOSE else payload

    compare(probe, good)


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


def test_every_row_is_here():
    text = "".join(
        file.read_text("utf-8") for file in Path(__file__).parent.glob("test_against_package_*.py")
    )
    rows = {int(row) for row in re.findall(r"def test_row_(\d+)", text)}
    assert rows | set(FRAMES) == set(range(1, 25))
