"""
A WebSocket server that nothing knocks over

You can skip this file: the lesson is in server.py. The package websocket-server 0.6.4 keeps
the list of clients and calls the lesson's functions; SturdyServer adds what it leaves out.
The same bytes stand in all three server folders. From top to bottom:

  Settings        limits, and the web sites whose pages may connect
  Frames          what a message looks like on the wire
  Incoming        bytes come in any pieces, and nobody may drip for ever
  SturdyHandler   one client, in a thread of its own
    handshake       an HTTP request becomes a WebSocket, or gets a page that says why not
    reading         fragments, text and binary, ping and pong, closing
    sending         never waits for a slow client, never changes the order
    leaving         once, and with the right close code
  SturdyServer    all clients
    who is here     the list, and the lesson's functions
    sending         one order for everybody
    running         start, stop, and what a terminal should say

"Section" means a section of RFC 6455, the standard: https://www.rfc-editor.org/rfc/rfc6455
"""

import base64
import codecs
import collections
import contextlib
import errno
import functools
import hashlib
import ipaddress
import itertools
import logging
import operator
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
import traceback
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

log_handlers = logging.root.handlers[:]
try:
    from websocket_server import WebsocketServer

    # This file overrides the insides of that version, the last one there is.
    if not hasattr(WebsocketServer, "_disconnect_clients_gracefully"):
        raise ImportError
except ImportError:
    sys.exit(
        "This lesson needs the package websocket-server 0.6.4. Type:\n"
        "  python -m pip install websocket-server==0.6.4"
    )
# The package sets up logging for the whole program when it is imported: that is undone.
logging.root.handlers[:] = log_handlers

# ---- Settings ------------------------------------------------------------------------------

# Web sites whose pages may connect. Pages from your disk, computer and network always may.
ALLOWED_SITES = ["https://editor.p5js.org", "https://preview.p5js.org"]
MAX_CLIENTS = 1000
MAX_MESSAGE = 16 * 1024 * 1024  # bytes
MAX_BACKLOG = 16 * 1024 * 1024  # bytes that wait for one slow client before it is dropped
MAX_WAITING = 100  # messages to all that wait before a sender has to wait too
MAX_REQUEST = 64 * 1024  # bytes of an HTTP request
REQUEST_TIME = 10  # seconds for a whole HTTP request, however it drips
PING_AFTER = 20  # seconds of silence before a ping; twice that: dropped
CLOSE_TIME = 2  # seconds for a client to hang up after a close frame

# ---- Frames (section 5.2) ------------------------------------------------------------------

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


# ---- Incoming ------------------------------------------------------------------------------


class Incoming:
    """What one client sends. http.server reads the lines of a request from it, then come frames."""

    def __init__(self, connection):
        self.connection, self.buffer, self.ask = connection, bytearray(), 2048
        self.silent, self.on_silence = 0, None
        self.begin(REQUEST_TIME)

    def begin(self, seconds):
        """The client has so many seconds, and MAX_REQUEST bytes, for what comes now."""
        self.deadline, self.room = time.monotonic() + seconds, MAX_REQUEST

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
        """Returns a line as a file would. LineTooLong: the request is over MAX_REQUEST."""
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
        self.buffer.clear()


# ---- SturdyHandler -------------------------------------------------------------------------


class SturdyHandler(BaseHTTPRequestHandler):
    """One client. http.server reads its request: .path and .headers are there for the lesson."""

    protocol_version = default_request_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # small frames go at once, not when the last has arrived
    rbufsize, wbufsize = 0, -1  # Incoming reads; a page and its head go as one
    error_content_type = "text/html; charset=utf-8"
    error_message_format = "<!doctype html><title>%(message)s</title><p>%(explain)s</p>\n"

    def setup(self):
        super().setup()
        self.rfile = Incoming(self.connection)
        self.accepted = self.client = self.quick = self.writer = None
        self.backlog, self.waiting, self.closed = collections.deque(), 0, False
        self.lock = threading.Lock()
        with self.server.door:
            self.server.connections.add(self)

    def handle_one_request(self):
        self.rfile.begin(REQUEST_TIME)
        super().handle_one_request()

    def handle(self):
        """Answers requests for pages, until one asks for a WebSocket or the client hangs up."""
        super().handle()
        if self.accepted:
            self.wfile.close()  # its buffer is not needed any more
            self.be_websocket(self.accepted)

    def log_message(self, *args):
        """Says nothing: the terminal belongs to the lesson."""

    # -- handshake (section 4.2)

    def do_GET(self):
        """Prepares to become a WebSocket, if that is asked for and allowed; else sends a page."""
        if "websocket" not in self.words("Upgrade"):
            self.connection.settimeout(REQUEST_TIME)
            # Nobody reads a body: it must not be taken for the next request.
            if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
                self.close_connection = True
            return self.do_page()
        status, reason = self.find_refusal()
        if status:
            return self.send_error(status, explain=reason)
        self.accepted = self.make_answer()
        self.close_connection = True

    do_HEAD = do_GET

    def make_answer(self):
        """Returns what a server says to a good handshake: bytes (section 4.2.2)."""
        key = self.headers["Sec-WebSocket-Key"].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        )
        # A browser gives up when none of the protocols that its page names is chosen.
        for protocol in re.findall(r"[^\s,]+", self.headers["Sec-WebSocket-Protocol"] or "")[:1]:
            answer += f"Sec-WebSocket-Protocol: {protocol}\r\n"
        return f"{answer}\r\n".encode("latin-1", "replace")

    def words(self, name):
        """Returns the words of a header that is a list, in small letters."""
        return re.findall(r"[^\s,]+", ",".join(self.headers.get_all(name, [])).lower())

    def find_refusal(self):
        """Returns (status, reason) if the handshake can't be accepted, else (None, None)."""
        origin = self.headers["Origin"]
        if self.headers["Sec-WebSocket-Version"] != "13":
            return 426, "This server speaks version 13 of WebSocket."
        if not self.is_handshake():
            return 400, "This is not the handshake of a WebSocket client."
        if not may_connect(origin):
            warn_of(origin[:200])
            return 403, f"Pages from {origin} may not connect to this server."
        if len(self.server.clients) >= MAX_CLIENTS:
            return 503, f"There are {MAX_CLIENTS} clients already: try again later."
        return None, None

    def is_handshake(self):
        """Tells whether the request has all that section 4.2.1 asks for."""
        try:
            key = base64.b64decode(self.headers.get("Sec-WebSocket-Key", "").strip(), validate=True)
        except ValueError:
            return False
        is_get = self.command == "GET" and self.request_version >= "HTTP/1.1"
        return (
            is_get
            and len(key) == 16
            and "Host" in self.headers
            and "upgrade" in self.words("Connection")
        )

    def do_page(self):
        """Answers who does not ask for a WebSocket. A lesson with pages overrides this."""
        address = f"ws://{self.headers['Host']}/"
        text = "This is a WebSocket server, and it is running. It has no pages:"
        self.send_error(426, explain=f"{text} open js_client/index.html and connect to {address}")

    def send_response(self, code, message=None):
        """Adds to status 426 what the client should speak (section 4.4)."""
        super().send_response(code, message)
        if code == 426:
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.send_header("Sec-WebSocket-Version", "13")

    # -- reading (sections 5 and 6.2)

    def be_websocket(self, answer):
        """From the answer to the handshake to the end: comes in, is read, leaves."""
        closing = None
        self.open_quick()
        self.connection.settimeout(PING_AFTER)
        self.rfile.deadline, self.rfile.on_silence = None, self.ping_or_give_up
        try:
            self.deliver(answer)
            self.server._new_client_(self)
            while True:
                self.server._message_received_(self, self.read_message())
        except Closing as error:
            closing = error
        except UnicodeDecodeError:
            closing = Closing(1007, "text has to be UTF-8")
        except (OSError, EOFError):
            pass  # gone, with or without a goodbye
        finally:
            self.leave(closing)

    def read_message(self):
        """Waits for a whole message and returns it: str for text, bytes for binary."""
        kind, message, check = None, bytearray(), codecs.getincrementaldecoder("utf-8")()
        while True:
            fin, opcode, size, mask = self.read_header(kind, len(message))
            if opcode >= CLOSE:
                self.answer_control(opcode, unmask(self.rfile.take(size), mask))
                continue
            if fin and not kind and size <= len(self.rfile.buffer):  # nearly always
                data = unmask(self.rfile.take(size), mask)
                return data.decode() if opcode == TEXT else bytes(data)
            kind = kind or opcode
            for piece in self.rfile.take_pieces(size):
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
        first, second = self.rfile.take(2)
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
            size = int.from_bytes(self.rfile.take(2 if size == 126 else 8), "big")
        if before + size > MAX_MESSAGE:
            raise Closing(1009, f"more than {MAX_MESSAGE} bytes")
        return fin, opcode, size, self.rfile.take(4)

    def answer_control(self, opcode, payload):
        """Answers a control frame (sections 5.5 and 7.4). EOFError: it was a goodbye."""
        if opcode == PING:
            self.server.post(self.deliver, make_frame(PONG, payload))
        if opcode == CLOSE:
            code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode().encode()
            allowed = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
            if payload and not allowed:
                raise Closing(1002, "no such close code")
            self.send_close(code, reason)
            raise EOFError("the client has said goodbye")

    def ping_or_give_up(self):
        """Called after each PING_AFTER seconds without a byte: asks once if somebody is there."""
        if self.rfile.silent > 1:
            self.cut()
            raise EOFError("no answer to a ping")
        self.server.post(self.deliver, make_frame(PING, b""))

    # -- sending (section 6.1)

    def open_quick(self):
        """Makes a second socket object for the connection: the first waits, quick never does.

        All systems can do that; a flag to send without waiting is not on all of them.
        """
        one = self.connection
        self.quick = socket.socket(one.family, one.type, one.proto, fileno=one.fileno())
        self.quick.settimeout(0)

    def deliver(self, data):
        """Sends frames without waiting. Only the postman calls this: see SturdyServer.post.

        What does not fit now goes to the backlog, and a thread sends it as the client takes it.
        """
        with self.lock:
            if self.closed:
                return
            sent = 0 if self.backlog else self.send_now(data)
            if not self.backlog:
                if sent == len(data):
                    return
                self.writer = threading.Thread(target=self.send_backlog, daemon=True)
                self.writer.start()
            # One message may always wait, however long; a piece costs memory besides its bytes.
            if self.waiting + 64 * len(self.backlog) > MAX_BACKLOG:
                self.closed = True
                return self.cut()
            self.backlog.append(memoryview(data)[sent:])
            self.waiting += len(data) - sent

    def send_now(self, data):
        """Sends what fits without waiting. Returns how many bytes did."""
        try:
            return self.quick.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it is gone: the thread that reads finds out by itself
            return len(data)

    def send_backlog(self):
        """Runs in a thread of its own while there is a backlog."""
        with contextlib.suppress(OSError):
            while True:
                with self.lock:
                    if not self.backlog:
                        return self.closed and self.quick.shutdown(socket.SHUT_WR)
                    data = self.backlog[0]
                try:
                    sent = self.connection.send(data)
                except socket.timeout:  # only silence, not slowness, ends a connection
                    continue
                with self.lock:
                    self.waiting -= sent
                    self.backlog.popleft()
                    if sent < len(data):
                        self.backlog.appendleft(memoryview(data)[sent:])

    def deliver_last(self, data):
        """Sends a close frame, and nothing after it."""
        self.deliver(data)
        with self.lock, contextlib.suppress(OSError):
            self.closed = True
            if not self.backlog:
                self.quick.shutdown(socket.SHUT_WR)

    def send_close(self, status=1000, reason=b""):
        """Begins or answers the closing handshake (section 7.1). status 0: without a code."""
        payload = status.to_bytes(2, "big") + reason[:123] if status else b""
        self.server.post(self.deliver_last, make_frame(CLOSE, payload))

    # -- leaving (section 7)

    def leave(self, closing):
        """Takes the client out of the list, says why if we close, tells the lesson."""
        self.server.remove(self.client)
        if closing:
            self.send_close(closing.args[0], closing.args[1].encode())
        self.server._client_left_(self)
        # Reads on until the client hangs up: unread bytes would reset the connection, and what
        # is under way, the close frame last, would be lost.
        self.rfile.on_silence = None
        self.rfile.begin(CLOSE_TIME)
        with contextlib.suppress(OSError, EOFError):
            while closing or self.backlog or not self.closed:
                self.rfile.close()
                self.rfile.fill()

    def cut(self):
        """Breaks the connection; the thread that reads it wakes up and leaves."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self):
        super().finish()
        if self.writer:
            self.cut()
            self.writer.join()
        with self.lock:
            self.closed = True
            if self.quick:
                self.quick.detach()
            self.connection.close()
        with self.server.door:
            self.server.connections.discard(self)
            self.server.door.notify_all()


# ---- SturdyServer --------------------------------------------------------------------------


class SturdyServer(WebsocketServer):
    """The package's WebsocketServer, made whole.

    host: "" for every network of this computer, "127.0.0.1" for this computer only; port: a
    number or its text; handler: the SturdyHandler that each connection gets.
    Ends the program with a sentence if the port can't be had.
    """

    allow_reuse_address = os.name != "nt"  # on Windows two servers could share a port
    request_queue_size = 1024  # a whole class may reload at once

    def __init__(self, host="", port=0, handler=SturdyHandler):
        if host in ("", "0.0.0.0", "::") and socket.has_dualstack_ipv6():
            host = "::"  # takes IPv4 too
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.outbox, self.postman = collections.deque(), threading.Lock()
        self.connections, self.door = set(), threading.Condition()
        self.arrived, self.idle = queue.SimpleQueue(), queue.SimpleQueue()
        allow_many_files()
        try:
            super().__init__(host, port_number(port))
        except OSError as error:
            sys.exit(port_advice(error, host, port))
        self.RequestHandlerClass = handler
        # A line is shown at once and whole, whichever threads print, even with signs that the
        # terminal does not know.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(
                errors="backslashreplace", line_buffering=True, write_through=False
            )

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name == "nt":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        super().server_bind()

    # -- who is here

    def get_request(self):
        """Accepts a connection; waits a little when the system has no more of them."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                time.sleep(0.1)
            raise

    def verify_request(self, request, client_address):
        """Hangs up at once on the many that connect and say nothing."""
        return len(self.connections) < MAX_CLIENTS + 500

    def process_request(self, request, client_address):
        """Gives a connection to a thread that has nothing to do, or else to a new one."""
        self.arrived.put((request, client_address))
        try:
            self.idle.get_nowait()
        except queue.Empty:
            threading.Thread(target=self.serve_connections, daemon=True).start()

    def serve_connections(self):
        """A thread serves one connection after the other: a page that reloads finds it free.

        One for which nothing has come for half a second ends, unless it has just been chosen.
        """
        while True:
            try:
                self.process_request_thread(*self.arrived.get(timeout=0.5))
                self.idle.put("one more")
            except queue.Empty:
                with contextlib.suppress(queue.Empty):
                    return self.idle.get_nowait()

    def handle_error(self, request, client_address):
        """Shows the traceback of a bug; a client that went away is none."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _new_client_(self, handler):
        if self._deny_clients:
            raise Closing(self._deny_clients["status"], self._deny_clients["reason"].decode())
        host, port = handler.client_address[:2]
        with self.door:
            if len(self.clients) >= MAX_CLIENTS:  # others came in since find_refusal() looked
                raise Closing(1013, "too many clients")
            self.id_counter += 1
            handler.client = {
                "id": self.id_counter,
                "handler": handler,
                "address": (host.replace("::ffff:", ""), port),
            }
            # A new list each time: a loop over the old one skips nobody.
            self.clients = [*self.clients, handler.client]
        self.call(self.new_client, handler.client)

    def _message_received_(self, handler, message):
        self.call(self.message_received, handler.client, message)

    def remove(self, client):
        with self.door:
            self.clients = [other for other in self.clients if other is not client]

    def _client_left_(self, handler):
        if handler.client:
            with contextlib.suppress(Closing):
                self.call(self.client_left, handler.client)

    def call(self, function, client, *message):
        """Calls a function of the lesson. If it raises, shows where, and raises Closing."""
        try:
            function(client, self, *message)
        except Exception:
            traceback.print_exc()
            raise Closing(1011, "an error in the server") from None

    # -- sending

    def _unicast(self, receiver_client, message):
        self.post(receiver_client["handler"].deliver, make_message(message))

    def _multicast(self, message):
        self.post(self.deliver_to_all, make_message(message))

    def deliver_to_all(self, data):
        for client in self.clients:
            client["handler"].deliver(data)

    def post(self, deliver, frame):
        """Puts a frame into the outbox, for the function deliver.

        One thread at a time is the postman. Whoever finds the job free empties the outbox;
        whoever finds it taken goes on, the postman takes the letter along. So everybody sees
        one order, and what waits for the same receiver goes as one send.
        """
        self.outbox.append((deliver, frame))
        while self.outbox and self.postman.acquire(
            blocking=len(self.outbox) > MAX_WAITING or len(frame) > 65536
        ):
            try:
                letters = [self.outbox.popleft() for _ in range(len(self.outbox))]
                for receiver, group in itertools.groupby(letters, key=operator.itemgetter(0)):
                    receiver(b"".join([data for _, data in group]))
            finally:
                self.postman.release()

    def _disconnect_clients_gracefully(self, status=1000, reason=b""):
        for client in self.clients:
            client["handler"].send_close(status, reason)

    def _terminate_client_handler(self, handler):
        handler.cut()

    # -- running

    def _run_forever(self, threaded):
        """Serves until Ctrl-C or SIGTERM; with threaded in a thread, returning at once."""
        if threaded:
            self.thread = threading.Thread(target=self.serve_forever, daemon=True)
            return self.thread.start()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: threading.Thread(target=self.shutdown).start())
        print_addresses(self)
        self.serve_forever(poll_interval=0.1)
        self.server_close()
        self._disconnect_clients_gracefully(1001, b"the server stops")
        for patience in (True, False):
            with self.door:
                for handler in self.connections:
                    if not (patience and handler.client):
                        handler.cut()
                self.door.wait_for(lambda: not self.connections, timeout=1)


def may_connect(origin):
    """Tells whether a page from this origin may connect (section 10.2).

    Not from a browser: no Origin; a page from disk: "null". Only addresses count as local, not
    names that lead to them: anybody can register a name for 127.0.0.1.
    """
    if origin in (None, "null", "file://", *ALLOWED_SITES):
        return True
    try:
        name = urlsplit(origin).hostname or ""
        if name == "localhost" or name.endswith(".local") or name == socket.gethostname().lower():
            return True
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_private or address.is_loopback or address.is_link_local


@functools.lru_cache(maxsize=100)  # once for each, however often its pages try
def warn_of(origin):
    """Prints that pages of a web site were refused, and what to do."""
    print(f"Refused a page from {origin!r}. If you trust it, add it to ALLOWED_SITES in")
    print("sturdy_websocket.py and start the server again.")


def port_number(port):
    """Returns the port as a number; ends the program with a sentence if it is none."""
    if not str(port).isdecimal() or int(port) > 65535:
        sys.exit(f"PORT is {port!r}, but a port is a number from 1024 to 65535, 8081 for example.")
    return int(port)


def port_advice(error, host, port):
    """Returns what to do about a port that can't be had."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use, perhaps by another server.py. Stop that one with Ctrl-C, "
            "or choose another port:\n  macOS, Linux:  PORT=8081 python server.py\n"
            "  Windows:       set PORT=8081, then python server.py"
        )
    if isinstance(error, PermissionError):
        return f"Port {port} is reserved on this computer. Choose one from 1024 to 65535 as PORT."
    return f'Can\'t listen on {host!r}, port {port}: {error.strerror}. HOST = "" always works.'


def allow_many_files():
    """Raises this process's limit of open files: a client is one, and macOS allows 256."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows, where there is no such limit

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_CLIENTS + 1000
        if soft != resource.RLIM_INFINITY and soft < wanted:
            wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def lan_address():
    """Returns this computer's address in its network, or None. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def print_addresses(server):
    """Prints how to reach the server, to be clicked or copied."""
    port, lan = server.port, lan_address()
    print("WebSocket server is running, Ctrl-C stops it.")
    print(f"  this computer:  http://localhost:{port}/  ws://localhost:{port}/")
    if lan and server.host in ("::", "", "0.0.0.0"):
        print(f"  other devices:  http://{lan}:{port}/  ws://{lan}:{port}/")
        print(f'  Arduino:        #define SECRET_SERVER "{lan}"')
        print(f"                  #define SECRET_PORT {port}")
    else:
        print("  other devices:  can't reach it, there is no network or HOST keeps them out")
