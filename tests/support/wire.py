"""A WebSocket client that sends what a test wants, right or wrong, and shows what comes back.

Frames are written and read by the `websockets` package, so the servers' own code does not
judge itself.
"""

import concurrent.futures
import contextlib
import socket
import struct
import time

import course
import psutil
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.utils import accept_key

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = accept_key(KEY)


def request(path="/", method="GET", **changes):
    """Returns the bytes of a handshake; changes: header_name="value", or None to leave it out."""
    headers = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def frame(opcode, payload=b"", fin=True):
    """Returns the bytes of a masked frame."""
    if isinstance(payload, str):
        payload = payload.encode()
    return Frame(opcode, payload, fin).serialize(mask=True)


def odd_frame(first, payload=b""):
    """Returns the bytes of a masked frame with any first byte and any payload."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size)
    return bytes([first]) + length + b"\0\0\0\0" + payload


def close_frame(code=None, reason=b""):
    return odd_frame(0x88, b"" if code is None else struct.pack("!H", code) + reason)


class Wire:
    """One connection. With path=None the handshake is left to the test."""

    def __init__(
        self, port, path="/", host="127.0.0.1", receive_buffer=None, patience=None, **headers
    ):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(patience or course.PATIENCE)
        self.socket.connect((host, port))
        self.reader = StreamReader()
        if path is not None:
            self.send(request(path, **headers))
            self.status, self.headers = self.read_head()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    close = __exit__

    def send(self, data):
        self.socket.sendall(data)

    def say(self, message):
        """Sends a whole message: str or bytes."""
        self.send(frame(TEXT if isinstance(message, str) else BINARY, message))

    def pump(self, parser):
        """Runs a parser of the `websockets` package over what comes; EOFError if it ends."""
        while True:
            try:
                next(parser)
            except StopIteration as done:
                return done.value
            data = self.socket.recv(65536)
            if data:
                self.reader.feed_data(data)
            else:
                self.reader.feed_eof()

    def read_head(self):
        """Returns the status and the headers (lower-case names) of an HTTP answer."""
        lines = iter(lambda: self.pump(self.reader.read_line(65536)).decode("latin-1").strip(), "")
        status = int(next(lines).split()[1])
        pairs = [line.partition(":") for line in lines]
        return status, {name.lower(): value.strip() for name, _, value in pairs}

    def read_body(self, headers):
        return self.pump(self.reader.read_exact(int(headers["content-length"])))

    def read(self):
        """Returns (opcode, payload) of the next frame, which has to follow the rules itself."""
        got = self.pump(Frame.parse(self.reader.read_exact, mask=False))
        got.check()
        assert got.fin and not (got.rsv1 or got.rsv2 or got.rsv3)
        return got.opcode, bytes(got.data)

    def hear(self):
        """Returns the next message, str or bytes; answers pings. EOFError after a close frame."""
        while True:
            opcode, payload = self.read()
            if opcode == PING:
                self.send(frame(PONG, payload))
            elif opcode == CLOSE:
                raise EOFError(f"closed with {close_code(payload)}")
            elif opcode != PONG:
                return payload.decode() if opcode == TEXT else payload

    def hear_until(self, message):
        """Returns the messages up to this one, which is the last in the list."""
        return [*iter(self.hear, message), message]

    def sync(self):
        """Waits until the server has handled all that was sent; returns the frames till then."""
        self.send(frame(PING, b"sync"))
        return list(iter(self.read, (PONG, b"sync")))

    def ending(self):
        """Reads on; returns the close code, None if the frame has none, 1006 without a frame."""
        with contextlib.suppress(ConnectionError, EOFError):
            while True:
                opcode, payload = self.read()
                if opcode == CLOSE:
                    return close_code(payload)
        return 1006

    def is_at_end(self):
        """Waits for the server to hang up; True if nothing came before that."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def vanish(self):
        """Breaks the connection off with a reset, as a computer that crashes does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def close_code(payload):
    return struct.unpack("!H", payload[:2])[0] if payload else None


def served(text):
    """Returns the bytes of the frame in which a server sends this text."""
    return Frame(TEXT, text.encode()).serialize(mask=False)


def gather(wires, size):
    """Reads size bytes from each of the wires, side by side; returns a list of them.

    Wires answer no ping, so the server's SILENCE has to be longer than this takes.
    """
    with concurrent.futures.ThreadPoolExecutor(len(wires)) as pool:
        received = pool.map(lambda wire: wire.pump(wire.reader.read_exact(size)), wires)
        return [bytes(data) for data in received]


@contextlib.contextmanager
def meanwhile(function, *args):
    """Runs a function in a thread beside the block, and waits for it at the end of the block."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(function, *args)
        yield
        future.result(course.PATIENCE)


def wait_until(condition, what):
    """Waits for something that has to become true in another process, which can't tell us."""
    end = time.monotonic() + course.PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def listens(pid):
    """Tells whether a process, or one that it has started, has a port open.

    To connect would be a client that it has to get rid of: its sockets are looked at.
    """
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            if any(link.status == "LISTEN" for link in each.net_connections("tcp")):
                return True


def is_idle(server):
    """Waits until the server holds no connection any more."""
    links = psutil.Process(server.process.pid).net_connections
    wait_until(lambda: not any(link.raddr for link in links("tcp")), "connections are left over")


def talk(*clients):
    """Lets each of the clients say something that all of them hear."""
    for client in clients:
        text = f"talk {time.monotonic()}"
        client.say(text)
        assert {other.hear() for other in clients} == {text}
