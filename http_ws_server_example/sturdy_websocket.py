"""
A WebSocket server that nothing knocks over

You can skip this file: the lesson is in server.py. The package websocket-server 0.6.4 keeps
the list of clients and calls the lesson's functions; SturdyServer adds what it leaves out.
The same bytes stand in all three server folders. From top to bottom:

  Settings        limits, and the web sites whose pages may connect
  Frames          what a message looks like on the wire
  Incoming        what one client sends: bytes in any pieces, and nobody may drip for ever
  Outgoing        what one client is sent: never waits for a slow client, never mixes the order
  SturdyHandler   one client, in a thread of its own
    handshake       an HTTP request becomes a WebSocket, or gets a page that says why not
    reading         fragments, text and binary, ping and pong, closing
    leaving         once, and with the right close code
  SturdyServer    all clients
    accepting       a thread for each connection, used again
    who is here     the list, and the lesson's functions
    sending         one order for everybody
    running         start and stop
  Terminal        what is printed: nobody waits for a terminal that stands still
  Starting        ports, addresses, and what to say about them

The threads, and where each begins:
  main            serve_forever: accepts connections, and cuts who is overdue
  one a client    serve_connections: serves a connection, then the next that arrives
  a writer        Outgoing.write_waiting: exactly while something waits for that client
  the terminal    Terminal.write_lines: writes what all the others print

The locks, and what each guards. Whoever holds one takes only those below it:
  SturdyServer.sender   the outbox's order: one thread at a time delivers what is in it
  SturdyServer.door     clients, connections, overdue_at, and whether a close frame was sent
  Outgoing.lock         all that waits for one client
  Outgoing.total_lock   what waits for all clients together
  Terminal.changed      the lines that wait for the terminal

"Section" means a section of RFC 6455, the standard: https://www.rfc-editor.org/rfc/rfc6455
"""

import atexit
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

# Web sites whose pages may connect. Pages from your computer and network always may.
ALLOWED_SITES = ["https://editor.p5js.org", "https://preview.p5js.org"]
# A page opened from disk, as in js_client, may connect. A web site can imitate such a page
# with a sandboxed frame: where that matters, at an exhibition for example, say False.
PAGES_FROM_DISK = True
MAX_CLIENTS = 1000
MAX_MESSAGE = 16 * 1024 * 1024  # bytes
MAX_BACKLOG = 16 * 1024 * 1024  # bytes that wait for one slow client before it is dropped
MAX_BACKLOGS = 256 * 1024 * 1024  # the same for all clients together
PIECE = 100  # bytes that a piece of a backlog costs besides its own
MAX_WAITING = 100  # messages to all that wait before a sender has to wait too
MAX_REQUEST = 64 * 1024  # bytes of an HTTP request
MAX_PRINTED = 1024 * 1024  # characters that wait for a terminal before lines are left out
REQUEST_TIME = 10  # seconds for a whole HTTP request, however it drips
PING_AFTER = 20  # seconds of silence before a ping; twice that: dropped
CLOSE_TIME = 2  # seconds for a client to hang up after a close frame

# ---- Frames (section 5.2) ------------------------------------------------------------------

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Row k says what each byte becomes when it is XORed with k.
XOR = [bytes(byte ^ key for byte in range(256)) for key in range(256)]
# What the system says when it is out of files or memory: it may have some again later.
SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


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


# ---- Outgoing ------------------------------------------------------------------------------


class Outgoing:
    """What one client is sent. There is a writer thread exactly while something waits.

    connection: the client's socket. The frames that wait are in pieces; sent counts the bytes of
    the first one that are gone, waiting the bytes that all of them cost. open: more may be sent.
    """

    total, total_lock = 0, threading.Lock()

    def __init__(self, connection):
        self.connection, self.lock = connection, threading.Lock()
        self.pieces, self.sent, self.waiting = collections.deque(), 0, 0
        self.open, self.writer = True, None
        # A second socket object for the same connection: the first one waits, this one never
        # does. All systems can do that; a flag to send without waiting is not on all of them.
        family, kind, number = connection.family, connection.type, connection.fileno()
        self.quick = socket.socket(family, kind, connection.proto, fileno=number)
        self.quick.settimeout(0)

    def send(self, data, last=False):
        """Sends frames without waiting; what does not fit now is left to the writer.

        data: bytes; last: it ends with a close frame, and nothing is sent after it.
        """
        with self.lock:
            if not self.open:
                return
            self.open = not last
            sent = 0 if self.pieces else self.send_now(data)
            if sent < len(data):
                self.keep(data, sent)
            elif last:
                self.hang_up(socket.SHUT_WR)

    def send_now(self, data):
        """Sends what fits without waiting. Returns how many bytes did."""
        try:
            return self.quick.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno in SHORTAGE:
                return 0
            self.drop()  # it is gone: the thread that reads finds out by itself
            return len(data)

    def keep(self, data, sent):
        """Lets data wait, of which sent bytes are gone; drops the client if that is too much.

        One message may always wait, however long. A client without a thread to write to it is
        dropped too: that costs nobody else anything.
        """
        if self.pieces:
            behind_the_first = self.waiting - len(self.pieces[0])
            if behind_the_first > MAX_BACKLOG or Outgoing.total > MAX_BACKLOGS:
                return self.drop()
        self.count(len(data) + PIECE)
        self.pieces.append(data)
        if not self.writer:
            self.sent = sent
            self.writer = threading.Thread(target=self.write_waiting, daemon=True)
            try:
                self.writer.start()
            except RuntimeError:
                self.writer = None
                self.drop()

    def count(self, cost):
        self.waiting += cost
        with self.total_lock:
            Outgoing.total += cost

    def write_waiting(self):
        """The writer: sends what waits, as the client takes it, and ends when nothing is left."""
        sent = 0
        while True:
            with self.lock:
                rest = self.next_piece(sent)
            if not rest:
                return
            try:
                sent = self.connection.send(rest)
            except OSError as error:
                sent = 0
                if error.errno in SHORTAGE:
                    time.sleep(0.1)
                elif not isinstance(error, socket.timeout):  # slowness is no reason to end
                    self.cut()

    def next_piece(self, sent):
        """Takes away what was sent, and returns what is next; None is the end of the writer."""
        self.sent += sent
        if self.pieces and self.sent == len(self.pieces[0]):
            self.count(-len(self.pieces.popleft()) - PIECE)
            self.sent = 0
        if self.pieces:
            return memoryview(self.pieces[0])[self.sent :]
        self.writer = None
        if not self.open:
            self.hang_up(socket.SHUT_WR)

    def hang_up(self, directions):
        with contextlib.suppress(OSError):
            self.quick.shutdown(directions)

    def drop(self):
        """Breaks the connection; the thread that reads it wakes up and leaves. Needs the lock."""
        self.open = False
        self.pieces.clear()
        self.count(-self.waiting)
        self.hang_up(socket.SHUT_RDWR)

    def cut(self):
        """Breaks the connection, whatever is still to be sent."""
        with self.lock:
            self.drop()

    def is_busy(self):
        """Tells whether something waits, or may still be sent."""
        with self.lock:
            return self.open or bool(self.pieces)

    def end(self):
        """Gives the connection back to the system, when nobody uses it any more."""
        self.cut()
        writer = self.writer
        if writer:
            writer.join()
        with self.lock:  # whoever cuts it now must not cut the next one with this number
            self.quick.detach()
            self.connection.close()


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
        self.rfile, self.outgoing = Incoming(self.connection), Outgoing(self.connection)
        self.accepted = self.client = None
        self.said_goodbye = False
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
        key = self.headers.get("Sec-WebSocket-Key", "").strip()
        return (
            self.command == "GET"
            and self.request_version >= "HTTP/1.1"
            and re.fullmatch(r"[A-Za-z0-9+/]{22}==", key)
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
        self.connection.settimeout(PING_AFTER)
        self.rfile.deadline, self.rfile.on_silence = None, self.ping_or_give_up
        try:
            self.outgoing.send(answer)
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
            self.server.post(self.outgoing.send, make_frame(PONG, payload))
        if opcode == CLOSE:
            code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
            allowed = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
            if payload and not allowed:
                raise Closing(1002, "no such close code")
            self.send_close(code, reason.encode())
            raise EOFError("the client has said goodbye")

    def ping_or_give_up(self):
        """Called after each PING_AFTER seconds without a byte: asks once if somebody is there."""
        if self.rfile.silent > 1:
            self.outgoing.cut()
            raise EOFError("no answer to a ping")
        self.server.post(self.outgoing.send, make_frame(PING, b""))

    # -- leaving (section 7)

    def send_close(self, status=1000, reason=b""):
        """Begins or answers the closing handshake (section 7.1), once. status 0: without a code.

        From now on the client has CLOSE_TIME to hang up, and the lesson hears no more of it.
        """
        with self.server.door:
            if self.said_goodbye:
                return
            self.said_goodbye = True
            self.server.overdue_at[self] = time.monotonic() + CLOSE_TIME
        reason = reason[:123].decode("utf-8", "ignore").encode()  # whole characters only
        payload = status.to_bytes(2, "big") + reason if status else b""
        self.server.post(
            functools.partial(self.outgoing.send, last=True), make_frame(CLOSE, payload)
        )

    def leave(self, closing):
        """Takes the client out of the list, says why if we close, tells the lesson."""
        # What was sent to all before is for this client too.
        self.server.empty_outbox(wait=True)
        with self.server.sender:
            self.server.remove(self.client)
        if closing:
            self.send_close(closing.args[0], closing.args[1].encode())
        self.server._client_left_(self)
        # Reads on until the client hangs up: unread bytes would reset the connection, and what
        # is under way, the close frame last, would be lost.
        self.rfile.on_silence = None
        self.rfile.begin(CLOSE_TIME)
        with contextlib.suppress(OSError, EOFError):
            while closing or self.outgoing.is_busy():
                self.rfile.close()
                self.rfile.fill()

    def finish(self):
        """Whatever goes wrong with what is still to be written, the rest of this runs."""
        try:
            with contextlib.suppress(OSError):  # it has hung up before it had its page
                super().finish()
        finally:
            self.outgoing.end()
            with self.server.door:
                self.server.connections.discard(self)
                self.server.overdue_at.pop(self, None)
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
        self.outbox, self.sender = collections.deque(), threading.Lock()
        self.arrived, self.idle = queue.SimpleQueue(), queue.SimpleQueue()
        self.door, self.connections, self.overdue_at = threading.Condition(), set(), {}
        self.exit = None
        allow_many_files()
        try:
            super().__init__(host, port_number(port))
        except OSError as error:
            sys.exit(port_advice(error, host, port))
        self.RequestHandlerClass = handler
        Terminal.take_over()

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name == "nt":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        super().server_bind()

    # -- accepting

    def get_request(self):
        """Accepts a connection; waits a little when the system has no more of them."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in SHORTAGE:
                time.sleep(0.1)
            raise

    def verify_request(self, request, client_address):
        """Hangs up at once on the many that connect and say nothing."""
        return len(self.connections) < MAX_CLIENTS + 500

    def process_request(self, request, client_address):
        """Gives a connection to a thread that has nothing to do, or else to a new one."""
        try:
            self.idle.get_nowait()
        except queue.Empty:
            try:
                threading.Thread(target=self.serve_connections, daemon=True).start()
            except RuntimeError:  # the system has no more threads: this one has to try again
                return self.shutdown_request(request)
        self.arrived.put((request, client_address))

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

    # -- who is here

    def _new_client_(self, handler):
        host, port = handler.client_address[:2]
        with self.door:
            denied = self._deny_clients
            if denied:
                raise Closing(denied["status"], denied["reason"].decode())
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
        if not handler.said_goodbye:
            self.call(self.message_received, handler.client, message)

    def remove(self, client):
        with self.door:
            self.clients = [other for other in self.clients if other is not client]

    def _client_left_(self, handler):
        if handler.client:
            with contextlib.suppress(Closing):
                self.call(self.client_left, handler.client)

    def call(self, function, client, *message):
        """Calls a function of the lesson. If it raises, shows where, and raises Closing.

        sys.exit() in it ends the whole program, as it would in main().
        """
        try:
            function(client, self, *message)
        except SystemExit as error:
            self.exit = error
            self.stop_soon()
        except Exception:
            sys.stderr.write(traceback.format_exc())
            raise Closing(1011, "an error in the server") from None

    # -- sending

    def _unicast(self, receiver_client, message):
        self.post(receiver_client["handler"].outgoing.send, make_message(message))

    def _multicast(self, message):
        self.post(self.send_to_all, make_message(message))

    def send_to_all(self, data):
        for client in self.clients:
            client["handler"].outgoing.send(data)

    def post(self, send, frame):
        """Puts a frame into the outbox, for the function send.

        One thread at a time is the sender. Whoever finds that lock free empties the outbox;
        whoever finds it taken goes on, its frame is sent with the others. So everybody sees
        one order, and what waits for the same receiver goes as one call.
        """
        self.outbox.append((send, frame))
        self.empty_outbox(wait=len(self.outbox) > MAX_WAITING or len(frame) > 65536)

    def empty_outbox(self, wait):
        """Sends what is in the outbox, if no other thread is the sender, or if wait is True."""
        while self.outbox and self.sender.acquire(blocking=wait):
            try:
                frames = [self.outbox.popleft() for _ in range(len(self.outbox))]
                for send_them, group in itertools.groupby(frames, key=operator.itemgetter(0)):
                    send_them(b"".join([data for _, data in group]))
            finally:
                self.sender.release()

    def _disconnect_clients_gracefully(self, status=1000, reason=b""):
        with self.door:  # who comes in at this moment is told, or finds out that it is denied
            clients = self.clients
        for client in clients:
            client["handler"].send_close(status, reason)

    def _terminate_client_handler(self, handler):
        handler.outgoing.cut()

    # -- running

    def _run_forever(self, threaded):
        """Serves until Ctrl-C or SIGTERM; with threaded in a thread, returning at once."""
        if threaded:
            self.thread = threading.Thread(target=self.serve_forever, daemon=True)
            return self.thread.start()
        in_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if in_main else ()
        before = [signal.signal(number, self.stop_soon) for number in numbers]
        print_addresses(self)
        self.serve_forever(poll_interval=0.1)
        self.say_goodbye()
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
        if self.exit:
            raise self.exit

    def stop_soon(self, *_):
        """Lets serve_forever() return. May be called anywhere, also by a signal."""
        threading.Thread(target=self.shutdown, daemon=True).start()

    def service_actions(self):
        """Called by serve_forever() ten times a second: cuts who does not hang up in time."""
        with self.door:
            late = [each for each, end in self.overdue_at.items() if time.monotonic() > end]
        for handler in late:
            handler.outgoing.cut()

    def say_goodbye(self):
        """Tells all clients 1001, and gives them a second to hang up, and one more when cut."""
        self.deny_new_connections(1001, b"the server stops")
        self.server_close()
        self.disconnect_clients_gracefully(1001, b"the server stops")
        for patience in (True, False):
            with self.door:
                left = [each for each in self.connections if not (patience and each.client)]
            for handler in left:
                handler.outgoing.cut()
            with self.door:
                self.door.wait_for(lambda: not self.connections, timeout=1)


# ---- Terminal ------------------------------------------------------------------------------


class Terminal:
    """Standard output and error, written by a thread: nobody who prints waits for them.

    A terminal stands still while somebody selects text in it, and a pipe while nobody reads
    it. Over MAX_PRINTED characters, lines are left out, and one line says how many.
    """

    changed, lines, waiting, left_out, busy = threading.Condition(), [], 0, 0, False
    over = False

    def __init__(self, stream):
        with contextlib.suppress(OSError):  # gone, or full
            stream.flush()
        self.stream, self.begun = stream, threading.local()

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        """Takes what is printed. A line is complete when its end has come from the same thread."""
        self.begun.line = getattr(self.begun, "line", "") + text
        if text.endswith("\n"):
            self.flush()
        return len(text)

    def flush(self):
        """Lets the line that this thread has begun wait for the terminal."""
        line, self.begun.line = getattr(self.begun, "line", ""), ""
        if not line:
            return
        # At the very end, other threads may have stopped for ever with the lock in their hands.
        if Terminal.over:
            return self.write_now(line)
        with self.changed:
            if Terminal.waiting > MAX_PRINTED:
                Terminal.left_out += line.count("\n")
            else:
                Terminal.waiting += len(line) + PIECE
                self.lines.append((self, line))
                self.changed.notify_all()

    def write_now(self, text):
        """Writes without Python's buffer, whose lock nobody may hold when the program ends."""
        raw = getattr(self.stream.buffer, "raw", self.stream.buffer)
        data = text.replace("\n", os.linesep).encode(self.stream.encoding, "backslashreplace")
        with contextlib.suppress(OSError, ValueError):  # gone, full or closed
            while data:
                data = data[raw.write(data) :]

    @classmethod
    def write_lines(cls):
        """The terminal's thread: takes all that waits, a few times a second, and writes it."""
        while True:
            with cls.changed:
                cls.changed.wait_for(lambda: cls.lines)
            time.sleep(0.02)  # what is printed meanwhile costs no change of threads
            with cls.changed:
                lines, left_out, cls.busy = cls.lines[:], cls.left_out, True
                cls.lines.clear()
                cls.waiting = cls.left_out = 0
            for terminal, group in itertools.groupby(lines, key=operator.itemgetter(0)):
                terminal.write_now("".join([line for _, line in group]))
            if left_out:
                lines[-1][0].write_now(f"… {left_out} lines left out: the terminal is too slow.\n")
            with cls.changed:
                cls.busy = False
                cls.changed.notify_all()

    @classmethod
    def take_over(cls):
        """Puts itself instead of sys.stdout and sys.stderr, once; at the end all is written."""
        streams = (sys.stdout, sys.stderr)
        if isinstance(sys.stdout, cls) or not all(hasattr(each, "buffer") for each in streams):
            return
        sys.stdout, sys.stderr = cls(sys.stdout), cls(sys.stderr)
        threading.Thread(target=cls.write_lines, daemon=True).start()
        atexit.register(cls.drain)

    @classmethod
    def drain(cls):
        """Waits until all is written, but not for ever: the terminal may stand still."""
        sys.stdout.flush()
        with cls.changed:
            cls.changed.wait_for(lambda: not (cls.lines or cls.busy), timeout=CLOSE_TIME)
            cls.over = True


# ---- Starting ------------------------------------------------------------------------------

OTHER_PORT = """\
  macOS, Linux:            PORT=8081 python server.py
  Windows PowerShell:      $env:PORT=8081; python server.py
  Windows Command Prompt:  set PORT=8081& python server.py"""


def may_connect(origin):
    """Tells whether a page from this origin may connect (section 10.2).

    Not from a browser: no Origin; a page from disk: "null". Only addresses count as local, not
    names that lead to them: anybody can register a name for 127.0.0.1.
    """
    if origin in ("null", "file://"):
        return PAGES_FROM_DISK
    if origin in (None, *ALLOWED_SITES):
        return True
    try:
        name = urlsplit(origin).hostname or ""
        if name == "localhost" or name.endswith(".local") or name == socket.gethostname().lower():
            return True
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    # 100.64.0.0/10 is the inside of a provider's network, or of one such as Tailscale's.
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_private or address.is_loopback or address.is_link_local or shared


@functools.lru_cache(maxsize=100)  # once for each, however often its pages try
def warn_of(origin):
    """Prints that pages of a web site were refused, and what to do."""
    what = "set PAGES_FROM_DISK = True" if origin == "null" else "add it to ALLOWED_SITES"
    print(
        f"Refused a page from {origin!r}. If you trust it, {what} in\n"
        "sturdy_websocket.py and start the server again."
    )


def shorten(message):
    """Returns a message (str or bytes) as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 100 else f"{message[:100]}… ({len(message)} characters)"
    # Characters that would move the cursor or begin a new line are shown as \n and the like;
    # the one that joins emoji is harmless.
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def no_words_expected(help_text):
    """Ends the program if something was typed after server.py; --help prints help_text."""
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(help_text.strip())
        sys.exit()
    if words:
        print(
            f"server.py takes no {words[0]!r}. Type only: python server.py\n"
            f"Another port, 8081 for example:\n{OTHER_PORT}",
            file=sys.stderr,
        )
        sys.exit(2)


def port_number(port):
    """Returns the port as a number; ends the program with a sentence if it is none."""
    text = str(port).strip()
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"PORT is {port!r}, but a port is a number from 1024 to 65535, 8081 for example.")
    return int(text)


def port_advice(error, host, port):
    """Returns what to do about a port that can't be had."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use, perhaps by another server.py. Stop that one with Ctrl-C, "
            f"or choose another port:\n{OTHER_PORT}"
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
