"""
Frames: what messages look like on the wire

You can skip this file: the lesson is in server.py. A WebSocket message travels in one frame or
in several. A frame begins with two to fourteen bytes that say what it is, how long, and what its
bytes are masked with; "section" means a section of RFC 6455, which has a picture of it in 5.2:
https://www.rfc-editor.org/rfc/rfc6455#section-5.2
The same bytes stand in all three server folders. From top to bottom:

  sending         a message becomes a frame
  Incoming        what one client sends: bytes in any pieces, and nobody may drip for ever
    bytes           as many as are asked for, or a line of the HTTP request
    frames          put together to messages: fragments, text and binary, ping, pong and close

It has no thread and no lock: each client's Incoming belongs to the thread that serves it.
"""

import codecs
import contextlib
import socket
import time
from http.client import LineTooLong

# Opcodes: what a frame is (section 5.2).
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Row k says what each byte becomes when it is XORed with k.
XOR = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


class Closing(Exception):
    """We close the connection. args: code and reason of the close frame (section 7.4)."""


def make_frame(opcode, payload):
    """Returns a whole frame as a server sends it: bytes."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload


def make_message(message):
    """Returns the frame for a message: str as text, bytes as binary. Else raises TypeError."""
    if isinstance(message, str):
        return make_frame(TEXT, message.encode("utf-8", "replace"))
    if isinstance(message, (bytes, bytearray, memoryview)):
        return make_frame(BINARY, bytes(message))
    raise TypeError(
        f"a message is str or bytes, not {type(message).__name__}: send str() or json.dumps() of it"
    )


def unmask(data, mask):
    """Returns the bytearray data after taking off the client's four mask bytes (section 5.3)."""
    for i in range(4):
        data[i::4] = data[i::4].translate(XOR[mask[i]])
    return data


class Incoming:
    """What one client sends. http.server reads the lines of a request from it, then come frames.

    connection: the client's socket; max_message: how many bytes a message may have.
    on_silence: called, instead of raising socket.timeout, when nothing has come for as long as
    the connection's time-out; silent counts how often in a row.
    """

    def __init__(self, connection, max_message):
        self.connection, self.max_message = connection, max_message
        self.buffer, self.ask = bytearray(), 2048
        self.deadline, self.silent, self.on_silence = None, 0, None

    # -- bytes

    def begin(self, seconds, room=0):
        """The client has so many seconds for what comes now, and its lines so many bytes."""
        self.deadline, self.room = time.monotonic() + seconds, room

    def time_left(self):
        """Returns the seconds until the deadline; raises socket.timeout if there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("too late")
        return seconds

    def fill(self):
        """Waits for more bytes. EOFError: there will be none; OSError: too late, or broken."""
        try:
            if self.deadline:
                self.connection.settimeout(self.time_left())
            data = self.connection.recv(self.ask)
        except socket.timeout:
            if not self.on_silence:
                raise
            self.silent += 1
            return self.on_silence()
        if not data:
            raise EOFError("the client has hung up")
        self.silent = 0
        self.buffer += data
        # Idle clients cost little memory, busy ones few calls.
        self.ask = 65536 if len(data) == self.ask else 2048

    def take(self, size):
        """Waits for exactly so many bytes and returns them as a bytearray."""
        while len(self.buffer) < size:
            self.fill()
        data = self.buffer[:size]
        del self.buffer[:size]
        return data

    def take_pieces(self, size):
        """Yields so many bytes in pieces, each as soon as it is here."""
        while size:
            if self.buffer:
                piece = self.take(min(size, len(self.buffer)))
                size -= len(piece)
                yield piece
            else:
                self.fill()

    def readline(self, limit):
        """Returns a line as a file would. LineTooLong: the request is too long."""
        if self.room < 0:
            raise LineTooLong("request")
        with contextlib.suppress(EOFError):
            while b"\n" not in self.buffer and len(self.buffer) < limit:
                self.fill()
        size = min(self.buffer.find(b"\n") + 1 or limit, limit, len(self.buffer))
        line = bytes(self.take(size))
        self.room -= len(line)
        return line

    def close(self):
        """Forgets what has come and was not read."""
        self.buffer.clear()

    # -- frames (sections 5 and 6.2)

    def read_message(self, answer_control):
        """Waits for a whole message and returns it: str for text, bytes for binary.

        answer_control(opcode, payload) is called for each ping, pong and close in between.
        Raises Closing for a broken rule, UnicodeDecodeError for a text that is not UTF-8.
        """
        kind, message, check = None, bytearray(), codecs.getincrementaldecoder("utf-8")()
        while True:
            fin, opcode, size, mask = self.read_header(kind, len(message))
            if opcode >= CLOSE:
                answer_control(opcode, unmask(self.take(size), mask))
                continue
            if fin and not kind and size <= len(self.buffer):  # nearly always
                data = unmask(self.take(size), mask)
                return data.decode() if opcode == TEXT else bytes(data)
            kind = kind or opcode
            for piece in self.take_pieces(size):
                data = unmask(piece, mask)
                message += data
                if kind == TEXT:  # a wrong byte is found now, not at the end
                    check.decode(data)
                mask = (mask * 2)[len(piece) % 4 :][:4]
            if fin:
                return message.decode() if kind == TEXT else bytes(message)

    def read_header(self, kind, before):
        """Returns (fin, opcode, size, mask) of the next frame (sections 5.2, 5.4 and 5.5).

        kind: opcode of the message under way or None; before: the bytes that it has so far.
        Raises Closing for a broken rule, before anything more is read or stored.
        """
        first, second = self.take(2)
        fin, opcode, size = first & 0x80, first & 0x0F, second & 0x7F
        if first & 0x70 or opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise Closing(1002, "reserved bits or opcode")
        if not second & 0x80:
            raise Closing(1002, "a client has to mask its frames")
        if opcode >= CLOSE and (size > 125 or not fin):
            raise Closing(1002, "a long or cut control frame")
        if opcode < CLOSE and (opcode == CONTINUATION) != bool(kind):
            raise Closing(1002, "fragments out of order")
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        if opcode < CLOSE and before + size > self.max_message:
            raise Closing(1009, f"more than {self.max_message} bytes")
        return fin, opcode, size, self.take(4)
