"""
A trial, not the product: how small can the sturdy server be? (450 lines of code in one file)

It shows that the standard library's buffered reader, one heartbeat in the main thread, and "send
at once what fits, a thread sends the rest" are enough. README.md beside it has the figures and
what is still missing. Names, sentences, docstrings and edges are not worked out here.
"""

import _thread
import base64
import codecs
import collections
import contextlib
import errno
import hashlib
import io
import ipaddress
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from websocket_server import WebsocketServer

ALLOWED_SITES = ["https://editor.p5js.org", "https://preview.p5js.org"]
PAGES_FROM_DISK = True
MAX_CLIENTS = 1000
MAX_MESSAGE = 16 * 1024 * 1024  # bytes
MAX_BACKLOG = 16 * 1024 * 1024  # bytes that wait for one slow client before it is dropped
PING_EVERY = 20  # seconds
SILENCE = 60  # seconds without a byte from a client, or to it: it is gone
LOOK_EVERY = 0.5 if os.name == 'nt' else 10  # seconds
CLOSE_TIME = 2  # seconds for a client to hang up after a close frame

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class Closing(Exception):
    """We close the connection. args: code and reason of the close frame."""


def make_frame(opcode, payload):
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload


def make_message(message):
    if isinstance(message, str):
        return make_frame(TEXT, message.encode("utf-8", "replace"))
    return make_frame(BINARY, bytes(memoryview(message)))


def unmask(data, mask):
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(data, "little") ^ int.from_bytes(key, "little")
    return number.to_bytes(size, "little")


class Outgoing:
    """What one client is sent: at once what the network takes, the rest by a thread."""

    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()
        self.waiting = collections.deque()
        self.size = 0
        self.open = True
        self.writer = None
        self.sending = False
        self.dropped = False
        self.taken_at = 0
        # The same connection once more: the first one waits, this one never does.
        self.quick = socket.socket(
            connection.family, connection.type, connection.proto, fileno=connection.fileno()
        )
        self.quick.settimeout(0)
        if hasattr(socket, 'TCP_NOTSENT_LOWAT'):
            self.quick.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 65536)

    def send(self, data, last=False):
        with self.lock:
            if not self.open:
                return
            self.open = not last
            if not self.waiting:
                data = self.send_now(data)
            if data:
                self.keep(data)
            elif last:
                self.hang_up(socket.SHUT_WR)

    def send_now(self, data):
        """Returns what the network did not take."""
        try:
            return data[self.quick.send(data) :]
        except BlockingIOError:
            return data
        except OSError:
            return b""  # it is gone: the thread that reads finds out

    def keep(self, data):
        self.waiting.append(data)
        self.size += len(data) + 100
        if self.size - len(self.waiting[0]) > MAX_BACKLOG:
            self.drop()
        elif not self.writer:
            self.writer = threading.Thread(target=self.write_waiting, daemon=True)
            self.writer.start()

    def write_waiting(self):
        while data := self.next():
            rest = memoryview(data)
            try:
                while rest:
                    with contextlib.suppress(socket.timeout):
                        rest = rest[self.connection.send(rest) :]
                        self.taken_at = time.monotonic()
            except OSError:
                self.cut()

    def next(self):
        """Takes away what was sent; returns what is next, or None: the writer ends."""
        with self.lock:
            if self.waiting and self.sending:
                self.size -= len(self.waiting.popleft()) + 100
            self.sending = bool(self.waiting)
            if self.waiting:
                return self.waiting[0]
            self.writer = None
            if not self.open:
                self.hang_up(socket.SHUT_WR)

    def hang_up(self, direction):
        with contextlib.suppress(OSError):
            self.quick.shutdown(direction)

    def drop(self):
        self.open = False
        self.dropped = True
        self.waiting.clear()
        self.hang_up(socket.SHUT_RDWR)

    def cut(self):
        with self.lock:
            self.drop()

    def end(self):
        writer = self.writer
        if writer:
            self.cut()
            writer.join()
        with self.lock:
            self.open = False
            self.quick.detach()


class Incoming(io.RawIOBase):
    """What one client sends, for an io.BufferedReader. Ends when the connection is cut.

    Windows wakes nobody who waits when another thread shuts a connection down: so there a
    look every half second.
    """

    def __init__(self, connection, outgoing):
        self.connection, self.outgoing = connection, outgoing
        self.patient = False  # as long as a request is read

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.outgoing.dropped:
            try:
                return self.connection.recv_into(buffer)
            except socket.timeout:
                if not self.patient:
                    raise
        return 0


class SturdyHandler(BaseHTTPRequestHandler):
    """One client, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 10
    error_content_type = "text/html; charset=utf-8"
    error_message_format = "<!doctype html><title>%(message)s</title><p>%(explain)s</p>\n"
    client = None
    closed_at = None

    def end_headers(self):
        self.send_header("WebSocket-Server", "SturdyServer")
        super().end_headers()

    def log_message(self, *args):
        """Says nothing."""

    def setup(self):
        super().setup()
        self.outgoing = Outgoing(self.connection)
        self.incoming = Incoming(self.connection, self.outgoing)
        self.rfile = io.BufferedReader(self.incoming)

    def finish(self):
        try:
            super().finish()
        finally:
            self.outgoing.end()

    # -- handshake

    def do_GET(self):
        if "websocket" not in self.headers.get("Upgrade", "").lower():
            return self.do_page()
        self.close_connection = True
        status, reason = self.refusal()
        if status:
            return self.send_error(status, explain=reason)
        self.outgoing.send(self.answer())
        self.be_websocket()

    do_HEAD = do_GET

    def do_page(self):
        host = self.headers.get("Host")
        self.send_error(426, explain=f"WebSocket server: open js_client/index.html, ws://{host}/")

    def refusal(self):
        headers = self.headers
        key = headers.get("Sec-WebSocket-Key", "").strip()
        origin = headers["Origin"]
        if headers.get("Sec-WebSocket-Version", "").strip() != "13":
            return 426, "This server speaks version 13 of WebSocket."
        if not re.fullmatch(r"[A-Za-z0-9+/]{22}==", key) or self.command != "GET":
            return 400, "This is not the handshake of a WebSocket client."
        if not may_connect(origin):
            print(f"Refused a page from {origin!r}. If you trust it, add it to ALLOWED_SITES.")
            return 403, f"Pages from {origin} may not connect to this server."
        if len(self.server.clients) >= MAX_CLIENTS:
            return 503, f"There are {MAX_CLIENTS} clients already: try again later."
        return None, None

    def answer(self):
        key = self.headers["Sec-WebSocket-Key"].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        ]
        protocols = self.headers.get("Sec-WebSocket-Protocol")
        if protocols:
            lines.append(f"Sec-WebSocket-Protocol: {protocols.split(',')[0].strip()}")
        return "\r\n".join([*lines, "", ""]).encode()

    # -- reading

    def be_websocket(self):
        # service_actions() cuts who is silent: this wait has no end of its own.
        self.connection.settimeout(LOOK_EVERY)
        self.incoming.patient = True
        self.heard_at = time.monotonic()
        try:
            self.server._new_client_(self)
            while True:
                self.server._message_received_(self, self.read_message())
        except Closing as closing:
            self.send_close(*closing.args)
        except UnicodeDecodeError:
            self.send_close(1007, "text has to be UTF-8")
        except (OSError, EOFError):
            pass  # gone
        finally:
            self.server._client_left_(self)
        # Unread bytes would reset the connection, and our close frame would be lost.
        end = time.monotonic() + CLOSE_TIME
        self.connection.settimeout(CLOSE_TIME)
        with contextlib.suppress(OSError):
            while time.monotonic() < end and self.closed_at and self.rfile.read1(65536):
                pass

    def pieces(self, size):
        """Yields so many bytes as they come."""
        while size:
            piece = self.rfile.read1(size)
            if not piece:
                raise EOFError("the client has hung up")
            self.heard_at = time.monotonic()
            size -= len(piece)
            yield piece

    def read(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError("the client has hung up")
        self.heard_at = time.monotonic()
        return data

    def read_message(self):
        kind, parts, size = None, [], 0
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            fin, opcode, length = self.read_header(kind)
            size += length
            if size > MAX_MESSAGE:
                raise Closing(1009, f"more than {MAX_MESSAGE} bytes")
            mask = self.read(4)
            if opcode >= CLOSE:
                size -= length
                self.answer_control(opcode, unmask(self.read(length), mask))
                continue
            if fin and not kind and length < 4096:  # nearly always
                data = unmask(self.read(length), mask)
                return data.decode() if opcode == TEXT else data
            kind = kind or opcode
            for piece in self.pieces(length):
                data = unmask(piece, mask)
                mask = (mask * 2)[len(piece) % 4 :][:4]
                # What is no UTF-8 is found as soon as it is here.
                parts.append(decoder.decode(data) if kind == TEXT else data)
            if fin:
                decoder.decode(b"", final=kind == TEXT)
                return ("" if kind == TEXT else b"").join(parts)

    def read_header(self, kind):
        first, second = self.read(2)
        fin, opcode, length = bool(first & 0x80), first & 0x0F, second & 0x7F
        known = opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)
        if first & 0x70 or not known or not second & 0x80:
            raise Closing(1002, "not a frame of a client")
        if opcode >= CLOSE and (length > 125 or not fin):
            raise Closing(1002, "a long or cut control frame")
        if opcode < CLOSE and (opcode == CONTINUATION) != bool(kind):
            raise Closing(1002, "fragments out of order")
        if length > 125:
            length = int.from_bytes(self.read(2 if length == 126 else 8), "big")
        return fin, opcode, length

    def answer_control(self, opcode, data):
        if opcode == PING:
            self.outgoing.send(make_frame(PONG, data))
        if opcode == CLOSE:
            code, reason = int.from_bytes(data[:2], "big"), data[2:].decode()
            allowed = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
            if data and not allowed:
                raise Closing(1002, "no such close code")
            raise Closing(code, reason)

    def send_close(self, code=1000, reason=""):
        self.closed_at = self.closed_at or time.monotonic()
        payload = code.to_bytes(2, "big") + reason.encode()[:123] if code else b""
        self.outgoing.send(make_frame(CLOSE, payload), last=True)


class SturdyServer(WebsocketServer):
    """The package's WebsocketServer, made whole."""

    allow_reuse_address = os.name != "nt"
    request_queue_size = 1024

    def __init__(self, host="", port=0, handler=SturdyHandler):
        if host == "" and socket.has_dualstack_ipv6():
            host = "::"
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.order, self.door = threading.Lock(), threading.Lock()
        self.outbox = collections.deque()
        self.next_ping = time.monotonic() + PING_EVERY
        self.exit = None
        self.next_heartbeat = time.monotonic() + 10
        try:
            super().__init__(host, port)
        except OSError as error:
            sys.exit(port_advice(error, port))
        self.RequestHandlerClass = handler

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name == "nt":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        super().server_bind()

    def get_request(self):
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.1)  # out of files: some come free later
            raise

    def process_request(self, request, client_address):
        _thread.start_new_thread(self.process_request_thread, (request, client_address))

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _new_client_(self, handler):
        host, port = handler.client_address[:2]
        with self.door:
            if self._deny_clients:
                raise Closing(self._deny_clients["status"], self._deny_clients["reason"].decode())
            self.id_counter += 1
            handler.client = {
                "id": self.id_counter,
                "handler": handler,
                "address": (host.removeprefix("::ffff:"), port),
            }
            self.clients = [*self.clients, handler.client]
        self.call(self.new_client, handler.client)

    def _message_received_(self, handler, message):
        if not handler.closed_at:
            self.call(self.message_received, handler.client, message)

    def _client_left_(self, handler):
        if handler.client:
            with self.door:
                self.clients = [each for each in self.clients if each is not handler.client]
            with contextlib.suppress(Closing):
                self.call(self.client_left, handler.client)

    def call(self, function, client, *message):
        try:
            function(client, self, *message)
        except SystemExit as error:
            self.exit = error
            threading.Thread(target=self.shutdown, daemon=True).start()
        except Exception:
            traceback.print_exc()
            raise Closing(1011, "an error in the server") from None

    def _unicast(self, client, message):
        client["handler"].outgoing.send(make_message(message))

    def _multicast(self, message):
        self.send_frame_to_all(make_message(message))

    def send_frame_to_all(self, frame):
        self.outbox.append(frame)
        wait = len(self.outbox) > 100
        while self.outbox and self.order.acquire(blocking=wait):
            try:
                data = b"".join([self.outbox.popleft() for _ in range(len(self.outbox))])
                for client in self.clients:
                    client["handler"].outgoing.send(data)
            finally:
                self.order.release()

    def service_actions(self):
        """Called by serve_forever() twice a second: asks who is there, cuts who overstays."""
        now = time.monotonic()
        if now > self.next_ping:
            self.next_ping = now + PING_EVERY
            self.send_frame_to_all(make_frame(PING, b""))
        if now > self.next_heartbeat:
            self.next_heartbeat = now + 10
            for client in self.clients:
                if "heartbeat" in urlsplit(client["handler"].path).query.split("&"):
                    self.send_message(client, "")
        for client in self.clients:
            handler = client["handler"]
            alive_at = max(handler.heard_at, handler.outgoing.taken_at)
            closed_at = handler.closed_at or now
            if now > min(alive_at + SILENCE, closed_at + CLOSE_TIME):
                handler.outgoing.cut()

    def _disconnect_clients_gracefully(self, status=1000, reason=b""):
        for client in self.clients:
            client["handler"].send_close(status, reason.decode())

    def _terminate_client_handler(self, handler):
        handler.outgoing.cut()

    def _run_forever(self, threaded):
        if threaded:
            self.thread = threading.Thread(target=self.serve_forever, daemon=True)
            return self.thread.start()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if sys.stdout:
            sys.stdout.reconfigure(line_buffering=True)  # also into a pipe or a file
        print_addresses(self)
        with contextlib.suppress(KeyboardInterrupt):
            self.serve_forever()
        self.deny_new_connections(1001, b"the server stops")
        self.server_close()
        self.disconnect_clients_gracefully(1001, b"the server stops")
        end = time.monotonic() + CLOSE_TIME
        while self.clients and time.monotonic() < end:
            time.sleep(0.02)
        if self.exit:
            raise self.exit


def may_connect(origin):
    """Tells whether a page from this origin may connect. None: it is not a browser."""
    if origin in ("null", "file://"):
        return PAGES_FROM_DISK
    return origin in (None, *ALLOWED_SITES) or is_local(origin)


def is_local(origin):
    name = urlsplit(origin).hostname or ""
    if "." not in name and ":" not in name or name.endswith((".local", ".lan", ".home.arpa")):
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        return address.is_private or address.is_loopback or address.is_link_local
    return False


# ---- Ports and addresses

OTHER_PORT = """\
  macOS, Linux:            PORT=8081 python server.py
  Windows PowerShell:      $env:PORT=8081; python server.py
  Windows Command Prompt:  set PORT=8081& python server.py"""


def no_words_expected(help_text):
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(help_text.strip())
        sys.exit()
    if words:
        print(f"server.py takes no {words[0]!r}. Type only: python server.py", file=sys.stderr)
        sys.exit(2)


def port_from_environment(default):
    text = os.environ.get("PORT", "").strip() or str(default)
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"PORT is {text!r}, but a port is a number from 1024 to 65535, 8081 for example.")
    return int(text)


def port_advice(error, port):
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use, perhaps by another server.py. Stop that one with Ctrl-C, or choose another port:\n{OTHER_PORT}"
    if isinstance(error, PermissionError):
        return f"Port {port} is reserved on this computer. Choose one from 1024 to 65535 as PORT."
    return f"Can't listen on port {port}: {error.strerror}."


def shorten(message):
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 100 else f"{message[:100]}… ({len(message)} characters)"
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def own_addresses():
    """Returns the IPv4 addresses of this computer in its networks, the most likely one first."""
    found = []
    for target in ("192.0.2.1", "192.168.255.255", "10.255.255.255", "172.31.255.255"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((target, 9))
            found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [each for each in dict.fromkeys(found) if not each.startswith("127.")]


def print_addresses(server):
    print("WebSocket server is running, Ctrl-C stops it.")
    print(f"  this computer:  http://localhost:{server.port}/  ws://localhost:{server.port}/")
    addresses = own_addresses() if server.host in ("", "::", "0.0.0.0") else []
    for address in addresses:
        print(f"  other devices:  http://{address}:{server.port}/  ws://{address}:{server.port}/")
        print(f'  Arduino:        #define SECRET_SERVER "{address}"')
        print(f"                  #define SECRET_PORT {server.port}")
    if not addresses:
        print("  other devices:  can't reach it")
