"""The WebSocket protocol, rule by rule: bytes in, what must come out.

Each row of the tables is one rule of RFC 6455; each copy of sturdy_websocket.py is asked through
its own server, as a process. What comes back is read by the `websockets` package.
"""

import contextlib
import itertools
import re
import socket
import struct

import course
import pytest
from course import ROOT, SERVERS, Program, free_port, server_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Wire,
    close_frame,
    echo_of,
    frame,
    odd_frame,
    request,
)

ARGUMENTS = {"serial_to_ws_server": ["demo"]}
MIB = 1024 * 1024


@contextlib.contextmanager
def serving(folder, **changes):
    """A server for all tests of a table; it may not have printed a traceback at their end."""
    port = free_port()
    command = server_command(*ARGUMENTS.get(folder, []), settings=changes)
    server = Program(command, cwd=ROOT / folder, env={"PORT": port})
    server.expect("Ctrl-C")
    server.port, server.folder = port, folder
    yield server
    assert server.stop() == 0
    errors = server.errors
    server.kill()
    assert errors == ""


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    with serving(request.param) as program:
        yield program


@pytest.fixture(scope="module")
def echo_server():
    with serving("http_ws_server_example") as program:
        yield program


# ---- frames --------------------------------------------------------------------------

# What was sent, and what the server must have understood: messages (str or bytes), pongs as
# (PONG, payload), at the end the code of the close frame, if there is one.
GOOD_ROWS = {
    "5.6 text": (frame(TEXT, "hello"), ["hello"]),
    "5.6 empty text": (frame(TEXT), [""]),
    "5.6 text with a null and quotes": (frame(TEXT, '\0"\\\n'), ['\0"\\\n']),
    "5.6 text with letters of 1 to 4 bytes": (frame(TEXT, "aß€🙂\U0010ffff"), ["aß€🙂\U0010ffff"]),
    "5.6 binary": (frame(BINARY, b"\xff\x00\x80"), [b"\xff\x00\x80"]),
    "5.6 empty binary": (frame(BINARY), [b""]),
    "5.2 longest short length": (frame(TEXT, "x" * 125), ["x" * 125]),
    "5.2 shortest length of 16 bits": (frame(TEXT, "x" * 126), ["x" * 126]),
    "5.2 longest length of 16 bits": (frame(BINARY, b"x" * 65535), [b"x" * 65535]),
    "5.2 shortest length of 64 bits": (frame(BINARY, b"x" * 65536), [b"x" * 65536]),
    "5.2 a length written longer than need be": (
        b"\x81\xfe\x00\x02\0\0\0\0hi" + b"\x81\xff" + struct.pack("!Q", 2) + b"\0\0\0\0yo",
        ["hi", "yo"],
    ),
    "5.3 a mask of zeros": (odd_frame(0x81, b"hello"), ["hello"]),
    "5.3 every byte, every place of the mask": (
        b"".join(frame(BINARY, bytes(range(n, 256)) + bytes(range(n))) for n in range(5)),
        [bytes(range(n, 256)) + bytes(range(n)) for n in range(5)],
    ),
    "5.4 a message in three frames": (
        frame(TEXT, "he", False) + frame(CONT, "ll", False) + frame(CONT, "o"),
        ["hello"],
    ),
    "5.4 a binary message in frames": (
        frame(BINARY, b"\xff", False) + frame(CONT, b"\xfe"),
        [b"\xff\xfe"],
    ),
    "5.4 frames without bytes": (
        frame(TEXT, "", False) + frame(CONT, "", False) + frame(CONT, ""),
        [""],
    ),
    "5.4 a letter cut by the frames": (
        frame(TEXT, "🙂".encode()[:2], False) + frame(CONT, "🙂".encode()[2:]),
        ["🙂"],
    ),
    "5.4 a ping between the frames of a message": (
        frame(TEXT, "he", False) + frame(PING, "now") + frame(CONT, "llo"),
        [(PONG, b"now"), "hello"],
    ),
    "5.4 a hundred frames": (
        frame(TEXT, "0", False) + frame(CONT, "1", False) * 98 + frame(CONT, "2"),
        ["0" + "1" * 98 + "2"],
    ),
    "5.5.2 a ping is answered with its bytes": (frame(PING, b"\xff\x00"), [(PONG, b"\xff\x00")]),
    "5.5.2 an empty ping": (frame(PING), [(PONG, b"")]),
    "5.5.2 a ping of 125 bytes": (frame(PING, b"x" * 125), [(PONG, b"x" * 125)]),
    "5.5.2 pings in a row": (
        b"".join(frame(PING, str(n)) for n in range(10)),
        [(PONG, str(n).encode()) for n in range(10)],
    ),
    "5.5.3 a pong that nobody asked for is passed over": (frame(PONG, "?"), []),
    "1.4 messages in one piece come out in order": (
        b"".join(frame(TEXT, str(n)) for n in range(100)),
        [str(n) for n in range(100)],
    ),
    "10.4 a message as long as the limit": (frame(BINARY, b"x" * 16 * MIB), [b"x" * 16 * MIB]),
}

CLOSE_ROWS = {
    "5.5.1 a close frame without a code is answered by one without": (close_frame(), [], None),
    "5.5.1 what comes after a close frame is not read": (
        close_frame(1000) + frame(TEXT, "late") + frame(PING),
        [],
        1000,
    ),
    "5.5.1 a close frame of one byte": (odd_frame(0x88, b"\x03"), [], 1002),
    "5.5.1 a reason of 123 bytes": (close_frame(1000, b"x" * 123), [], 1000),
    "5.5.1 a reason that is no UTF-8": (close_frame(1000, b"\xff"), [], 1007),
    "5.5.1 a close frame between the frames of a message": (
        frame(TEXT, "half", False) + close_frame(1000),
        [],
        1000,
    ),
    "5.5 a close frame of 126 bytes": (close_frame(1000, b"x" * 124), [], 1002),
    "5.5 a ping of 126 bytes": (odd_frame(0x89, b"x" * 126), [], 1002),
    "5.5 a pong of 126 bytes": (odd_frame(0x8A, b"x" * 126), [], 1002),
    "5.5 a ping in fragments": (odd_frame(0x09, b"half"), [], 1002),
    "5.5 a close frame in fragments": (odd_frame(0x08, b"\x03\xe8"), [], 1002),
    "5.1 a frame without a mask": (b"\x81\x05hello", [], 1002),
    "5.1 a ping without a mask": (b"\x89\x00", [], 1002),
    "5.4 a continuation of nothing": (frame(CONT, "?"), [], 1002),
    "5.4 a continuation after the end": (frame(TEXT, "all") + frame(CONT, "?"), ["all"], 1002),
    "5.4 a new text before the end": (frame(TEXT, "half", False) + frame(TEXT, "?"), [], 1002),
    "5.4 a new binary before the end": (frame(TEXT, "half", False) + frame(BINARY, "?"), [], 1002),
    "8.1 a wrong byte": (frame(TEXT, b"caf\xe9"), [], 1007),
    "8.1 a letter that does not end": (frame(TEXT, b"caf\xc3"), [], 1007),
    "8.1 half of a surrogate pair": (frame(TEXT, b"\xed\xa0\x80"), [], 1007),
    "8.1 a letter written longer than need be": (frame(TEXT, b"\xc0\xaf"), [], 1007),
    "8.1 a letter beyond Unicode": (frame(TEXT, b"\xf4\x90\x80\x80"), [], 1007),
    "8.1 a wrong byte in the second fragment": (
        frame(TEXT, "caf", False) + frame(CONT, b"\xe9s", False),
        [],
        1007,
    ),
    "8.1 a wrong byte before its frame is whole": (
        b"\x81\xff" + struct.pack("!Q", 9999) + b"\0\0\0\0\xff",
        [],
        1007,
    ),
    "8.1 a wrong letter before its fragment is whole": (
        frame(TEXT, b"\xf4", False) + b"\x80\xe4\0\0\0\0\x90",
        [],
        1007,
    ),
    "7.4.1 one byte more than the limit": (
        b"\x82\xff" + struct.pack("!Q", 16 * MIB + 1) + b"mask",
        [],
        1009,
    ),
    "7.4.1 a frame of 2^63 bytes": (
        b"\x82\xff" + struct.pack("!Q", 1 << 63) + b"mask",
        [],
        {1002, 1009},
    ),
    "7.4.1 a frame of 2^63 - 1 bytes": (
        b"\x81\xff" + struct.pack("!Q", (1 << 63) - 1) + b"mask",
        [],
        1009,
    ),
    "7.4.1 fragments that are too long together": (
        frame(BINARY, b"x" * 9 * MIB, False) + b"\x00\xff" + struct.pack("!Q", 8 * MIB) + b"mask",
        [],
        1009,
    ),
    **{
        f"7.4 code {code} is answered with itself": (close_frame(code, b"reason"), [], code)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    },
    **{
        f"7.4 code {code} may not be sent": (close_frame(code), [], 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    **{
        f"5.2 reserved bit {bit:#x} in opcode {opcode}": (
            odd_frame(0x80 | bit | opcode, b"x"),
            [],
            1002,
        )
        for bit, opcode in itertools.product((0x40, 0x20, 0x10), (TEXT, PING))
    },
    **{
        f"5.2 opcode {opcode} is reserved": (odd_frame(0x80 | opcode, b"x"), [], 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
}


def understood(folder, frames):
    """Returns what the server of this folder sends back when it has understood these."""
    answers = []
    for each in frames:
        if isinstance(each, tuple):
            answers.append(each)
            continue
        echo = echo_of(folder, each)
        if echo is not None:
            answers.append((TEXT, echo.encode()) if isinstance(echo, str) else (BINARY, echo))
    return answers


def without_sensor(folder, frames):
    """Leaves out what the simulated sensor of serial_to_ws_server sends to everybody."""
    return [each for each in frames if folder != "serial_to_ws_server" or each[0] != TEXT]


@pytest.mark.parametrize("rule", GOOD_ROWS)
def test_rule_of_frames(server, rule):
    sent, wanted = GOOD_ROWS[rule]
    with Wire(server.port) as client:
        client.send(sent)
        got = without_sensor(server.folder, client.sync())
    assert got == understood(server.folder, wanted)


@pytest.mark.parametrize("rule", CLOSE_ROWS)
def test_rule_of_closing(server, rule):
    """The close frame has the right code, nothing comes after it, and the server hangs up."""
    sent, wanted, code = CLOSE_ROWS[rule]
    with Wire(server.port) as client:
        client.send(sent)
        got = []
        while not got or got[-1][0] != CLOSE:
            got += without_sensor(server.folder, [client.read()])
        assert got[:-1] == understood(server.folder, wanted)
        payload = got[-1][1]
        closed_with = struct.unpack("!H", payload[:2])[0] if payload else None
        assert closed_with in (code if isinstance(code, set) else {code})
        payload[2:].decode()
        with pytest.raises(EOFError):
            client.read()


# ---- handshake -----------------------------------------------------------------------

HANDSHAKES = {
    "4.2.2 a handshake as it should be": ({}, 101),
    "4.2.1 the key words in any case": ({"Upgrade": "WebSocket", "Connection": "upgrade"}, 101),
    "4.2.1 a list in Connection": ({"Connection": "keep-alive, Upgrade"}, 101),
    "4.2.1 a list in Upgrade": ({"Upgrade": "h2c, websocket"}, 101),
    "4.2.1 extensions that the server does not know": (
        {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
        101,
    ),
    "5.1 any path, with a question": ({"path": "/room/one?name=a%20b"}, 101),
    "4.2.1 no key": ({"Sec-WebSocket-Key": None}, 400),
    "4.2.1 an empty key": ({"Sec-WebSocket-Key": ""}, 400),
    "4.2.1 a key of 15 bytes": ({"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA"}, 400),
    "4.2.1 a key that is no base64": ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub2!jZQ=="}, 400),
    "4.2.1 a key with a letter that is no ASCII": (
        {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZé=="},
        400,
    ),
    "4.2.1 no Host": ({"Host": None}, 400),
    "4.2.1 Connection without Upgrade": ({"Connection": "keep-alive"}, 400),
    "4.2.1 no Connection": ({"Connection": None}, 400),
    "4.4 no version": ({"Sec-WebSocket-Version": None}, 426),
    "4.4 version 8": ({"Sec-WebSocket-Version": "8"}, 426),
    "4.4 version 14": ({"Sec-WebSocket-Version": "14"}, 426),
    "4.4 a version that is no number": ({"Sec-WebSocket-Version": "x"}, 426),
    "4.2.1 HTTP/1.0": ({"version": "HTTP/1.0"}, 400),
    "4.2.1 HTTP/9.9": ({"version": "HTTP/9.9"}, 505),
    "4.2.1 no version of HTTP at all": ({"version": "HTTP"}, 400),
    "4.2.1 HEAD": ({"method": "HEAD"}, 400),
    "4.2.1 POST": ({"method": "POST"}, 501),
    "4.2.1 a method that nobody knows": ({"method": "BREW"}, 501),
    "10.2 a page from somewhere else": ({"Origin": "https://example.com"}, 403),
    "a header line of 60 KB": ({"Cookie": "x" * 60_000}, 101),
    "a header line of 70 KB": ({"Cookie": "x" * 70_000}, 431),
    "headers of 80 KB together": ({f"X-{n}": "x" * 1000 for n in range(80)}, 431),
    "90 headers": ({f"X-{n}": "x" for n in range(90)}, 101),
    "200 headers": ({f"X-{n}": "x" for n in range(200)}, 431),
    "a path of 70 KB": ({"path": "/" + "x" * 70_000}, 414),
}


@pytest.mark.parametrize("rule", HANDSHAKES)
def test_rule_of_the_handshake(server, rule):
    changes, status = HANDSHAKES[rule]
    with Wire(server.port, path=None) as client:
        client.send(request(**changes))
        got, headers = client.read_head()
        assert got == status
        if status == 101:
            assert headers["sec-websocket-accept"] == ACCEPT
            assert headers["upgrade"].lower() == "websocket"
            assert headers["connection"].lower() == "upgrade"
            assert "sec-websocket-extensions" not in headers
            client.sync()
            return
        if status == 426:
            assert headers["sec-websocket-version"] == "13"
            assert "websocket" in headers["upgrade"].lower()
        if changes.get("method") != "HEAD":
            page = client.read_body(headers).decode()
            assert headers["content-type"].startswith("text/html")
            assert "<" in page and len(page) > 40
        assert client.is_at_end()


def test_frames_right_behind_the_request(server):
    """A client need not wait for the answer to its handshake."""
    with Wire(server.port, path=None) as client:
        client.send(request() + frame(PING, b"early"))
        assert client.read_head()[0] == 101
        got = without_sensor(server.folder, [client.read()])
        while not got:
            got = without_sensor(server.folder, [client.read()])
        assert got == [(PONG, b"early")]


@pytest.mark.parametrize(
    "asked, chosen",
    [
        (None, None),
        ("mqtt", "mqtt"),
        ("mqtt, chat", "mqtt"),
        ("chat,mqtt", "chat"),
        (" , mqtt", "mqtt"),
    ],
)
def test_subprotocol(server, asked, chosen):
    """A browser gives up if none of the protocols it names is chosen."""
    with Wire(server.port, Sec_WebSocket_Protocol=asked) as client:
        assert client.status == 101
        assert client.headers.get("sec-websocket-protocol") == chosen
        client.sync()


@pytest.mark.parametrize("asked", ["", ",", " , "])
def test_subprotocol_that_is_none(server, asked):
    """What is no name of a protocol is never sent back."""
    with Wire(server.port, Sec_WebSocket_Protocol=asked) as client:
        assert client.status in (101, 400)
        assert not client.headers.get("sec-websocket-protocol")


@pytest.mark.parametrize("folder", ["ws_server_example", "serial_to_ws_server"])
def test_a_browser_at_the_address_of_a_server_without_pages(folder):
    """It reads what this is, and what to open instead."""
    with serving(folder) as server, Wire(server.port, path=None) as client:
        client.send(request(Upgrade=None, Connection="keep-alive", Sec_WebSocket_Key=None))
        status, headers = client.read_head()
        page = client.read_body(headers).decode()
    assert status == 426
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "WebSocket server" in page and "js_client" in page


def test_what_a_client_says_is_not_a_part_of_the_page(server):
    """Headers that stand in an answer are text there, not tags."""
    with Wire(server.port, path=None) as client:
        client.send(request(Origin="http://<script>alert(1)</script>"))
        status, headers = client.read_head()
        assert status == 403
        assert "<script" not in client.read_body(headers).decode().lower()
    with Wire(server.port, path=None) as client:
        client.send(request("/<script>", Host="<script>", Upgrade=None))
        status, headers = client.read_head()
        assert "<script" not in client.read_body(headers).decode().lower()


# ---- pages that may connect ----------------------------------------------------------

MAY = [
    None,
    "null",
    "file://",
    "http://localhost",
    "http://localhost:5500",
    "https://localhost:8443",
    "http://127.0.0.1:3000",
    "http://127.1.2.3",
    "http://[::1]:3000",
    "http://10.0.0.7:8000",
    "http://192.168.1.23:3000",
    "http://172.16.0.1",
    "http://172.31.255.255",
    "http://100.64.0.1",
    "http://169.254.3.4",
    "http://[fe80::1]",
    "http://[fd00::1]:80",
    "http://raspberrypi.local:3000",
    "HTTP://LOCALHOST",
    "https://editor.p5js.org",
    "https://preview.p5js.org",
]
MAY_NOT = [
    "https://example.com",
    "http://example.com:8080",
    "http://8.8.8.8",
    "http://172.32.0.1",
    "http://100.128.0.1",
    "http://[2001:4860:4860::8888]",
    "http://localhost.example.com",
    "http://127.0.0.1.nip.io",
    "http://127.0.0.1.example.com",
    "http://example.com#localhost",
    "http://local",
    "http://example.local.com",
    "http://examplelocal",
    "http://xlocalhost",
    "https://editor.p5js.org.example.com",
    "https://xeditor.p5js.org",
    "http://editor.p5js.org",
    "https://editor.p5js.org:444",
    "https://p5js.org",
    "",
    "garbage",
    "://",
    "http://",
    "http://[",
    "http://[::1",
    "http://[::ffff:8.8.8.8]",
    "http://127.0.0.1@example.com",
    "http://1.1.1.1.local.evil",
    "http://2130706433.example",
    "file://example.com",
]


@pytest.mark.parametrize("origin", MAY)
def test_page_that_may_connect(server, origin):
    with Wire(server.port, Origin=origin) as client:
        assert client.status == 101


@pytest.mark.parametrize("origin", MAY_NOT)
def test_page_that_may_not_connect(server, origin):
    """It gets 403, and the terminal says what to add where."""
    with Wire(server.port, Origin=origin) as client:
        assert client.status == 403
        client.read_body(client.headers)
        assert client.is_at_end()
    server.seen = 0
    line = server.expect(f"^.*'{re.escape(origin)}'.*ALLOWED_SITES.*\n")[0]
    assert line.strip().isprintable()


def test_name_of_this_computer_may_connect(server):
    with Wire(server.port, Origin=f"http://{socket.gethostname()}:3000") as client:
        assert client.status == 101


def test_site_that_the_lesson_allows(start_server):
    server = start_server(settings={"ALLOWED_SITES": ["https://example.com"]})
    with Wire(server.port, Origin="https://example.com") as client:
        assert client.status == 101
    with Wire(server.port, Origin="https://editor.p5js.org") as client:
        assert client.status == 403


def test_refused_origin_can_not_write_on_the_terminal(start_server):
    """What a stranger sends is printed as harmless text, and not at any length."""
    server = start_server()
    with Wire(server.port, Origin="http://\x1b[2J\x9b" + "x" * 5000) as client:
        assert client.status == 403
    line = server.expect("^.*ALLOWED_SITES.*\n")[0]
    assert line.strip().isprintable() and len(line) < 500


# ---- limits, with short settings -----------------------------------------------------


def test_more_clients_than_there_may_be(start_server):
    """The one too many is told 503; there is room again when one has left."""
    server = start_server(settings={"MAX_CLIENTS": 3})
    clients = [Wire(server.port) for _ in range(3)]
    for client in clients:
        client.sync()
    with Wire(server.port) as client:
        assert client.status == 503
        assert "3" in client.read_body(client.headers).decode()
    clients[0].close()
    server.expect("connection closed")
    clients[0] = Wire(server.port)
    for client in clients:
        client.sync()
        client.close()


def test_limit_of_a_message(start_server):
    server = start_server("http_ws_server_example", settings={"MAX_MESSAGE": 1000})
    with Wire(server.port) as client:
        client.say(b"x" * 1000)
        assert client.hear() == b"x" * 1000
        client.send(frame(TEXT, "x" * 600, False) + frame(CONT, "x" * 400))
        assert client.hear() == "x" * 1000
        client.say("x" * 1001)
        assert client.ending() == 1009


def test_request_that_drips(start_server):
    """A request has its time in all, however it comes: byte by byte, or not at all."""
    server = start_server(settings={"REQUEST_TIME": 0.5})
    silent, half, drip = (Wire(server.port, path=None) for _ in range(3))
    half.send(request()[:-1])
    drip.send(b"GET / HTTP/1.1\r\nX: ")
    drip.socket.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        for _ in range(course.PATIENCE * 50):
            drip.send(b"x")
            with contextlib.suppress(socket.timeout):
                assert drip.socket.recv(1000) == b""
                break
        else:
            pytest.fail("it may drip for ever")
    assert silent.is_at_end()
    assert half.is_at_end()
    with Wire(server.port) as client:
        client.sync()


def test_a_frame_may_take_its_time(start_server):
    """The time of a request is not the time of a frame: a board is allowed to be slow."""
    server = start_server("http_ws_server_example", settings={"REQUEST_TIME": 0.3})
    with Wire(server.port) as client:
        slow = frame(TEXT, "slow and steady " * 4)
        client.socket.settimeout(0.01)
        for byte in slow[:-1]:
            client.send(bytes([byte]))
            with contextlib.suppress(socket.timeout):
                pytest.fail(f"the server sent {client.socket.recv(1)}")
        client.socket.settimeout(course.PATIENCE)
        client.send(slow[-1:])
        assert client.hear() == "slow and steady " * 4


# ---- any pieces, any bytes -----------------------------------------------------------

FEW = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PAYLOADS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.binary(max_size=200),
    st.integers(0, 70_000).map(lambda size: "é" * size),
)


@st.composite
def traffic(draw):
    """Draws messages, cut into frames, with pings between them: (bytes, what must come back)."""
    sent, wanted = b"", []
    for message in draw(st.lists(PAYLOADS, min_size=1, max_size=5)):
        data = message.encode() if isinstance(message, str) else message
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        for number, piece in enumerate(pieces):
            opcode = CONT if number else TEXT if isinstance(message, str) else BINARY
            sent += frame(opcode, piece, number == len(pieces) - 1)
            if draw(st.booleans()):
                sent += frame(PING, str(number))
                wanted.append((PONG, str(number).encode()))
        wanted.append((TEXT if isinstance(message, str) else BINARY, data))
    return sent, ordered(wanted)


def ordered(frames):
    """A ping inside a message is answered before the message is whole: both keep their order."""
    return [each for each in frames if each[0] == PONG], [
        each for each in frames if each[0] != PONG
    ]


@FEW
@given(traffic(), st.lists(st.integers(0, 1 << 20), max_size=12), st.integers(0, 40))
def test_valid_traffic_in_any_pieces(echo_server, drawn, cuts, singles):
    """However the network cuts the bytes, the same messages come out."""
    sent, wanted = drawn
    places = sorted({cut % (len(sent) + 1) for cut in cuts} | set(range(min(singles, len(sent)))))
    with Wire(echo_server.port) as client:
        for a, b in zip([0, *places], [*places, len(sent)]):
            client.send(sent[a:b])
        assert ordered(client.sync()) == wanted


HEADS = st.sampled_from(
    [
        b"",
        b"\x81",
        b"\x82\xff",
        b"\x01\x80\0\0\0\0",
        b"\x89\xfe",
        b"\x88\x82",
        b"\x00\x85",
        b"\x81\xfe\xff\xff",
    ]
)


@pytest.fixture(scope="module")
def healthy(echo_server):
    """A client that only wants to talk, beside those that send rubbish."""
    with Wire(echo_server.port) as client:
        yield client


def is_well(healthy, token=itertools.count()):  # noqa: B008
    """Tells whether the healthy client still gets what it says."""
    message = f"healthy {next(token)}"
    healthy.say(message)
    return healthy.hear_until(message)[-1] == message


@FEW
@given(HEADS, st.binary(max_size=300))
def test_any_bytes_instead_of_frames(echo_server, healthy, head, rubbish):
    """The server answers or closes, and a healthy client beside never notices."""
    with Wire(echo_server.port) as client:
        client.send(head + rubbish)
        client.socket.shutdown(1)
        client.ending()
    assert is_well(healthy)


REQUESTS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda start, end: start + end + b"\r\n\r\n",
        st.sampled_from(
            [b"GET / HTTP/1.1\r\n", request()[:-2], b"GET /", b"GET  HTTP/1.1", b"HEAD /", b""]
        ),
        st.binary(max_size=300),
    ),
    st.builds(
        lambda name, value: request().replace(b"Host: localhost", name + b": " + value),
        st.sampled_from(
            [
                b"Host",
                b"Origin",
                b"Upgrade",
                b"Sec-WebSocket-Protocol",
                b"Range",
                b"If-Modified-Since",
                b"Content-Length",
                b"Transfer-Encoding",
            ]
        ),
        st.binary(max_size=60),
    ),
)


@FEW
@given(REQUESTS)
def test_any_bytes_instead_of_a_request(echo_server, healthy, rubbish):
    """The same for what comes before there is a WebSocket."""
    with Wire(echo_server.port, path=None) as client, contextlib.suppress(ConnectionError):
        client.send(rubbish)
        client.socket.shutdown(1)
        while client.socket.recv(65536):
            pass
    assert is_well(healthy)
