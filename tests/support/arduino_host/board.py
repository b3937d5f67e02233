"""A built sketch that runs in step with a test, and a scripted server for it.

Time is simulated: it passes only while the test says so, hence no test here depends on how
busy the computer is. The sketch is a process and its sockets are real.
"""

import codecs
import io
import os
import select
import socket
import subprocess

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

PATIENCE = 60  # real seconds for one step of the sketch: only a hanging one takes that long


class Board:
    """The sketch as a process, ten ms from one loop() to the next.

    program: path of the build; server: its step(now) is called whenever the sketch waits.
    serial is what it printed, led the LED, now the time in ms; leds is the list of
    (time, LED) changes; busiest is the longest time that one round of loop() took.
    """

    def __init__(self, program, server, path="/", millis=1000, **settings):
        self.server, self.serial, self.led, self.now, self.leds = server, "", 0, 0, []
        self.seen, self.busiest = 0, 0
        # A letter or the end of a line may come in two pieces.
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self.decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self.control, other = socket.socketpair()
        self.control.settimeout(PATIENCE)
        self.reader = self.control.makefile("rb")
        secrets = {
            "HOST_CONTROL": other.fileno(),
            "HOST_MILLIS": millis,
            "SECRET_SSID": settings.get("network", "class"),
            "SECRET_PASS": settings.get("password", "secret"),
            "SECRET_SERVER": settings.get("address", "127.0.0.1"),
            "SECRET_PORT": server.port,
            "SECRET_PATH": path,
        }
        self.process = subprocess.Popen(
            [str(program)],
            pass_fds=[other.fileno()],
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **{name: str(value) for name, value in secrets.items()}},
        )
        other.close()
        self.hear()

    def hear(self):
        """Takes in what the sketch reports at its next wait."""
        head = self.reader.readline()
        if not head:
            self.process.wait(PATIENCE)
            errors = self.process.stderr.read()
            pytest.fail(f"the sketch ended\n{errors}\n--- Serial\n{self.serial}")
        self.now, led, busy, count = map(int, head.split())
        self.busiest = max(self.busiest, busy)
        self.serial += self.decoder.decode(self.reader.read(count))
        if led != self.led:
            self.led = led
            self.leds.append((self.now, led))

    def step(self):
        """Lets the server do its part, then the sketch until it waits again."""
        self.server.step(self.now)
        self.tell("go")
        self.hear()

    def tell(self, command):
        """Changes the board: "wifi 0", "join 6000", "address 2300", "fail 1", "block 1",
        "sensor 7", "send 128", "type hello"."""
        self.control.sendall(f"{command}\n".encode())

    def run(self, ms):
        """Lets ms pass."""
        end = self.now + ms
        while self.now < end:
            self.step()

    def until(self, condition, within=15000):
        """Lets time pass until condition() is true, at most within ms; returns its value."""
        end = self.now + within
        while not (value := condition()):
            if self.now >= end:
                pytest.fail(f"not within {within} ms, it is {self.now}\n--- Serial\n{self.serial}")
            self.step()
        return value

    def expect(self, text, within=15000):
        """Lets time pass until Serial shows the text, after what the last expect() found."""
        self.until(lambda: text in self.serial[self.seen :], within)
        self.seen = self.serial.index(text, self.seen) + len(text)

    def close(self):
        """Ends the sketch; fails if a sanitizer has found something."""
        if self.process.poll() is None:
            self.tell("quit\ngo")
        errors = self.process.communicate(timeout=PATIENCE)[1]
        self.reader.close()
        self.control.close()
        assert self.process.returncode == 0 and not errors, errors


class Server:
    """A WebSocket server that does what its test says. visitors: who has come, in order.

    greet(visitor) answers a handshake.
    """

    def __init__(self, port):
        self.port, self.visitors, self.listener = port, [], None
        self.greet, self.now = Visitor.accept, 0
        self.open()

    def open(self):
        """Starts to listen."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.listener.setblocking(False)

    def close(self):
        """Stops: the port is closed, and everybody is cut off."""
        if self.listener:
            self.listener.close()
            self.listener = None
        for visitor in self.visitors:
            visitor.cut()

    def step(self, now):
        """Does what there is to do at this time."""
        self.now = now
        sockets = [visitor.socket for visitor in self.visitors if visitor.socket]
        if self.listener:
            sockets.append(self.listener)
        for ready in select.select(sockets, [], [], 0)[0]:
            if ready is self.listener:
                self.visitors.append(Visitor(self, ready.accept()[0]))
            else:
                next(visitor for visitor in self.visitors if visitor.socket is ready).read()
        for visitor in self.visitors:
            visitor.drip()

    def readings(self, since=0):
        """Returns (time, text) of all messages that came after a time, in order."""
        return sorted(one for visitor in self.visitors for one in visitor.texts if one[0] >= since)


class Visitor:
    """One connection. The protocol is that of the `websockets` package, strict about masks,
    lengths and text; bytes go out only as the test says."""

    def __init__(self, server, connection):
        self.server, self.socket, self.protocol = server, connection, ServerProtocol(max_size=None)
        self.request = None
        self.texts, self.pongs, self.closed, self.ended = [], [], None, False
        self.mute = False  # True: never reads, never answers
        self.waiting = []  # (time, bytes) to be sent later
        self.socket.settimeout(5)
        # Real time passes much faster than the sketch's: nothing may wait in this computer.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self):
        if self.mute:
            return
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            self.cut()
            return
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self.frame(event)
            else:
                self.request = event
                self.server.greet(self)
        # Pongs and the answer to a close are the protocol's own; nothing else is in there.
        self.flush()
        assert not self.protocol.parser_exc, self.protocol.parser_exc
        assert not self.protocol.handshake_exc, self.protocol.handshake_exc

    def frame(self, frame):
        if frame.opcode is Opcode.TEXT:
            self.texts.append((self.server.now, bytes(frame.data).decode("utf-8")))
        elif frame.opcode is Opcode.CLOSE:
            self.closed = self.protocol.close_rcvd
        elif frame.opcode is Opcode.PONG:
            self.pongs.append(bytes(frame.data))

    def accept(self):
        """Answers the handshake with 101."""
        self.protocol.send_response(self.protocol.accept(self.request))
        self.flush()

    def flush(self):
        for data in self.protocol.data_to_send():
            # What the test has still to send may be the rest of a frame: that goes first.
            if data and self.waiting:
                self.waiting.append((self.waiting[-1][0], data))
            elif data:
                self.send(data)

    def send(self, data):
        """Sends bytes as they are, all at once."""
        try:
            if self.socket:
                self.socket.sendall(data)
        except OSError:
            self.cut()

    def later(self, ms, data):
        """Sends bytes after a time; None cuts the connection then."""
        self.waiting.append((self.server.now + ms, data))

    def drip(self):
        while self.waiting and self.waiting[0][0] <= self.server.now:
            data = self.waiting.pop(0)[1]
            if data is None:
                self.cut()
            else:
                self.send(data)

    def say(self, text, ms=0):
        """Sends a text message, after a time."""
        self.later(ms, frame(text.encode()))

    def cut(self):
        """Closes the socket without a word."""
        if self.socket:
            self.socket.close()
            self.socket = None


def answer(status):
    """Returns a greet() that answers a handshake with an HTTP status and stays connected."""
    return lambda visitor: visitor.send(
        f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno".encode()
    )


def frame(payload, opcode=Opcode.TEXT, fin=True):
    """Returns the bytes of a server's frame."""
    return Frame(opcode, payload, fin).serialize(mask=False)
