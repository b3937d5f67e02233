"""Frames (RFC 6455, sections 5, 7 and 8), rule by rule: bytes in, what must come out.

Asked is the server that sends back what it gets; what it sends is read by the `websockets` package.
"""

import itertools
import struct

import pytest
from wire import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Wire,
    close_code,
    close_frame,
    frame,
    odd_frame,
)

MIB = 1024 * 1024


# What was sent, and what the server must have understood: messages (str or bytes), and pongs as
# (PONG, payload).
GOOD_ROWS = {
    "5.6 text": (frame(TEXT, "hello"), ["hello"]),
    "5.6 text with letters of 1 to 4 bytes": (frame(TEXT, "aß€🙂\U0010ffff"), ["aß€🙂\U0010ffff"]),
    "5.6 binary": (frame(BINARY, b"\xff\x00\x80"), [b"\xff\x00\x80"]),
    "5.2 shortest length of 16 bits": (frame(TEXT, "x" * 126), ["x" * 126]),
    "5.2 longest length of 16 bits": (frame(BINARY, b"x" * 65535), [b"x" * 65535]),
    "5.2 shortest length of 64 bits": (frame(BINARY, b"x" * 65536), [b"x" * 65536]),
    "5.3 every byte, every place of the mask": (
        b"".join(frame(BINARY, bytes(range(n, 256)) + bytes(range(n))) for n in range(5)),
        [bytes(range(n, 256)) + bytes(range(n)) for n in range(5)],
    ),
    "5.4 a letter cut by the frames": (
        frame(TEXT, "🙂".encode()[:2], False) + frame(CONT, "🙂".encode()[2:]),
        ["🙂"],
    ),
    "5.4 a ping between the frames of a message": (
        frame(TEXT, "he", False) + frame(PING, "now") + frame(CONT, "llo"),
        [(PONG, b"now"), "hello"],
    ),
    "5.5.2 a ping is answered with its bytes": (frame(PING, b"\xff\x00"), [(PONG, b"\xff\x00")]),
    "5.5.3 a pong that nobody asked for is passed over": (frame(PONG, "?"), []),
    "1.4 messages in one piece come out in order": (
        b"".join(frame(TEXT, str(n)) for n in range(100)),
        [str(n) for n in range(100)],
    ),
    "10.4 a message as long as the limit": (frame(BINARY, b"x" * 16 * MIB), [b"x" * 16 * MIB]),
}


def huge(first, length):
    """Returns the head of a frame that is longer than anybody would believe."""
    return bytes([first, 0xFF]) + struct.pack("!Q", length) + b"mask"


# Under the code with which the server has to close: what was sent.
CLOSE_ROWS = {
    None: {"5.5.1 a close frame without a code": close_frame()},
    1000: {
        "5.5.1 what comes after a close frame is not read": (
            close_frame(1000) + frame(TEXT, "late") + frame(PING)
        ),
        "5.5.1 a close frame inside a message": frame(TEXT, "half", False) + close_frame(1000),
    },
    1002: {
        "5.5.1 a close frame of one byte": odd_frame(0x88, b"\x03"),
        "5.5 a close frame of 126 bytes": close_frame(1000, b"x" * 124),
        "5.5 a ping of 126 bytes": odd_frame(0x89, b"x" * 126),
        "5.5 a ping in fragments": odd_frame(0x09, b"half"),
        "5.1 a frame without a mask": b"\x81\x05hello",
        "7.1.1 much behind what is no frame": b"\xff\xff" + bytes(16 * MIB),
        "5.4 a continuation of nothing": frame(CONT, "?"),
        "5.4 a new text before the end": frame(TEXT, "half", False) + frame(TEXT, "?"),
    },
    1007: {
        "5.5.1 a reason that is no UTF-8": close_frame(1000, b"\xff"),
        "8.1 a wrong byte": frame(TEXT, b"caf\xe9"),
        "8.1 a character beyond Unicode": frame(TEXT, b"\xf4\x90\x80\x80"),
        "8.1 a wrong byte before its frame is whole": (
            b"\x81\xff" + struct.pack("!Q", 9999) + b"\0\0\0\0\xff"
        ),
        "8.1 a wrong character before its fragment is whole": (
            frame(TEXT, b"\xf4", False) + b"\x80\xe4\0\0\0\0\x90"
        ),
    },
    1009: {
        "7.4.1 one byte more than the limit": huge(0x82, 16 * MIB + 1),
        "7.4.1 a frame of 2^63 - 1 bytes": huge(0x81, (1 << 63) - 1),
        "7.4.1 fragments that are too long together": (
            frame(BINARY, b"x" * 9 * MIB, False) + huge(0x00, 8 * MIB)
        ),
    },
    "1002 or 1009": {"7.4.1 a frame of 2^63 bytes": huge(0x82, 1 << 63)},
}
for _code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
    CLOSE_ROWS.setdefault(_code, {})["7.4 answered with itself"] = close_frame(_code, b"reason")
for _code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
    CLOSE_ROWS[1002][f"7.4 code {_code} may not be sent"] = close_frame(_code)
for _bit, _opcode in itertools.product((0x40, 0x20, 0x10), (TEXT, PING)):
    CLOSE_ROWS[1002][f"5.2 bit {_bit:#x} of {_opcode}"] = odd_frame(0x80 | _bit | _opcode, b"x")
for _opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    CLOSE_ROWS[1002][f"5.2 opcode {_opcode} is reserved"] = odd_frame(0x80 | _opcode, b"x")


def as_frame(message):
    """Returns (opcode, payload) of the frame in which a message comes back; a frame as it is."""
    if isinstance(message, str):
        return TEXT, message.encode()
    return message if isinstance(message, tuple) else (BINARY, message)


@pytest.mark.parametrize("rule", GOOD_ROWS)
def test_rule_of_frames(echo_server, rule):
    sent, wanted = GOOD_ROWS[rule]
    with Wire(echo_server.port) as client:
        client.send(sent)
        assert client.sync() == [as_frame(message) for message in wanted]


@pytest.mark.parametrize(
    "code, rule", [(code, rule) for code in CLOSE_ROWS for rule in CLOSE_ROWS[code]]
)
def test_rule_of_closing(echo_server, code, rule):
    """The close frame has the right code, nothing comes after it, and the server hangs up."""
    with Wire(echo_server.port) as client:
        client.send(CLOSE_ROWS[code][rule])
        opcode, payload = client.read()
        assert opcode == CLOSE and str(close_code(payload)) in str(code)
        payload[2:].decode()
        with pytest.raises(EOFError):
            client.read()


@pytest.mark.parametrize(
    "code, sent",
    [(1002, b"\xff\xff"), (1007, frame(TEXT, b"\xff")), (1009, huge(0x82, 17 * MIB))],
    ids=["not a frame", "not UTF-8", "too long"],
)
def test_terminal_says_why_a_client_was_closed(start_server, join, code, sent):
    server = start_server()
    client = join(server)
    client.send(sent)
    assert client.ending() == code
    server.expect(rf"^127\.0\.0\.1: closed with code {code}, \w.*\n")
    server.expect("^connection closed")
    assert server.output.count("closed with code") == 1
