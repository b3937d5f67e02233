"""
A WebSocket server for a whole class, on bad Wi-Fi

You can skip this file: the lesson is in server.py. The package websocket-server 0.6.4 accepts
connections, keeps the list of clients, and calls the lesson's functions. SturdyServer is the
same server, and adds what a class of thirty needs. To read on, go from top to bottom:

  Settings        limits, and the websites whose pages may connect
  Pages           which pages may connect, and why not all of them
  Frames          what a message looks like on the network
  Stream          the bytes to and from one client: nobody ever waits for a slow client
  SturdyHandler   one client, in a thread of its own: handshake, messages, closing
  SturdyServer    all clients: arriving, leaving, sending, starting and stopping
  For the lesson  ports, addresses, and short lines for the terminal

These threads run at the same time:

  the main thread           accepts connections, and checks twice a second who is overdue
  one for each client       waits for its messages, and calls the lesson's functions
  one for each slow client  sends what is waiting for it, and ends when nothing is

There are two kinds of lock. A thread that holds SturdyServer.order may take a Stream's lock,
never the other way round. A connection ends in one of two ways: close() is polite and says why;
abort() cuts it off at once.

All three server folders hold the same copy of this file. "Section" means a section of RFC 6455,
the WebSocket standard: https://www.rfc-editor.org/rfc/rfc6455
"""

import _thread
import base64
import codecs
import collections
import contextlib
import functools
import hashlib
import io
import ipaddress
import itertools
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler

log_handlers = logging.root.handlers[:]
try:
    from websocket_server import WebsocketServer
except ImportError as error:
    sys.exit(
        f"{error}. Does your prompt begin with (.venv)? If not, activate the environment.\n"
        "If it does, type:\n  python -m pip install websocket-server==0.6.4\n"
        "If one of your own files is called websocket_server.py, rename it."
    )
# Importing the package sets up logging for the whole program. This undoes it.
logging.root.handlers[:] = log_handlers

# ---- Settings ------------------------------------------------------------------------------

# Websites whose pages may connect. Pages from your own computer and network always may.
ALLOWED_SITES = ["https://editor.p5js.org", "https://preview.p5js.org"]
# Pages opened from disk, as in js_client, may connect. Their origin is "null", and any website
# can get that origin too, with a sandboxed frame. Where that matters, at an exhibition for
# example, set this to False. (And take preview.p5js.org off the list: it runs anyone's sketch.)
PAGES_FROM_DISK = True
MAX_CLIENTS = 1000
MAX_MESSAGE = 16 * 1024 * 1024  # bytes
MAX_BACKLOG = 16 * 1024 * 1024  # bytes that may wait for one client, behind its first message
PING_EVERY = 10  # seconds
SILENCE = 45  # seconds without a byte from a client, or to it, until it counts as gone
CLOSE_TIME = 2  # seconds for a client to hang up after the close frame

# ---- Pages: which ones may connect (section 10.2) ------------------------------------------

# Nobody can register these names, so they can only lead to a computer nearby.
LOCAL_NAMES = (".localhost", ".local", ".lan", ".home.arpa", ".internal")
# What two popular Arduino libraries claim as their origin. No website has such an origin.
BOARD_ORIGINS = ["https://github.com/gilmaimon/TinyWebsockets", "ArduinoWebSocketClient"]


def may_connect(origin):
    """Tells whether a page may connect. origin: as in its header, or None without one.

    Every browser sends an origin, and a website's begins with http:// or https://. Without one,
    or with anything else in front, it is a program, a board, or a browser extension.
    """
    if origin is None or origin in ALLOWED_SITES or origin in BOARD_ORIGINS:
        return True
    if origin == "null" or origin.startswith("file:"):
        return PAGES_FROM_DISK
    scheme, _, host = origin.lower().partition("://")
    return is_local(host) if scheme in ("http", "https") else host != ""


def is_local(host):
    """Tells whether a host (str, with or without a port) is this computer or one nearby.

    It is tempting to allow any page whose host is the one in the request's Host header. But
    anybody can register a name and let it lead to your computer (DNS rebinding).
    """
    name = re.sub(r":\d+$", "", host).strip("[].")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name != "" and ("." not in name or name.endswith(LOCAL_NAMES))
    # Older Pythons think that any IPv4 address written as IPv6 is local.
    return not address.is_global and not name.startswith("::ffff:")


# ---- Frames (section 5) --------------------------------------------------------------------

# Opcodes: what a frame is (section 5.2). From CLOSE on, they are control frames.
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80  # the bit that marks the last frame of a message


class Closing(Exception):
    """Raised to close a connection. args: code (int) and reason (str) of the close frame."""


def make_frame(opcode, payload):
    """Returns a whole frame as a server sends it (bytes). payload: bytes (section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes([FIN | opcode, size]) + payload
    if size < 65536:
        return bytes([FIN | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([FIN | opcode, 127]) + size.to_bytes(8, "big") + payload


def make_message(message):
    """Returns the frame for a message: str is sent as text, bytes as binary (section 5.6).

    Raises TypeError for anything else.
    """
    if isinstance(message, str):
        return make_frame(TEXT, message.encode("utf-8", "replace"))
    if isinstance(message, (bytes, bytearray, memoryview)):
        return make_frame(BINARY, bytes(message))
    raise TypeError(f"a message has to be str or bytes, not {type(message).__name__}")


def unmask(data, mask):
    """Returns data (bytes) without the client's four mask bytes (section 5.3).

    XORing two long numbers is much faster than XORing their bytes one by one.
    """
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(data, "little") ^ int.from_bytes(key, "little")
    return number.to_bytes(size, "little")


# ---- Stream --------------------------------------------------------------------------------

# Tells the system to take what it can and not to wait. Windows has no such flag.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Stream(io.RawIOBase):
    """The bytes to and from one client. connection: its socket.

    An io.BufferedReader reads from it. Whatever the network takes is sent at once; the rest
    waits, and only then is there a writer thread.

    waiting_since: when we began to wait for bytes from the client, or None while we don't.
    taken_at: when the client last took some of what was waiting for it.
    closed_at: when sending ended, after a close frame for example, or None.
    aborted: None, or why the connection was cut off (str).
    """

    def __init__(self, connection):
        self.connection = connection
        self.waiting_since = None
        self.taken_at = 0
        self.closed_at = None
        self.aborted = None
        self.lock = threading.RLock()
        self.send_buffer = collections.deque()
        self.buffered = 0
        self.writer = None
        # Otherwise Linux buffers a megabyte for a slow phone, and a ping waits behind it.
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 65536)
        # A second socket object for the same connection. On Windows, the first one waits and this
        # one never does.
        self.quick = socket.socket(fileno=connection.fileno())
        if os.name == "nt":
            self.quick.settimeout(0)

    def readable(self):
        """Says that this can be read from, as io.BufferedReader asks."""
        return True

    def readinto(self, buffer):
        """Waits for bytes, puts them into buffer, returns how many. OSError: no more will come."""
        self.waiting_since = time.monotonic()
        while self.aborted is None:
            with contextlib.suppress(socket.timeout):
                count = self.connection.recv_into(buffer)
                self.waiting_since = None
                if not count:
                    break
                return count
        raise ConnectionError("no more bytes will come")

    def send(self, data):
        """Sends whole frames (bytes), or lets them wait. Never blocks, never raises OSError."""
        with self.lock:
            # Nothing may follow a close frame (section 5.5.1).
            if self.closed_at:
                return
            if data[0] == FIN | CLOSE:
                self.closed_at = time.monotonic()
            try:
                sent = 0 if self.writer else self.quick.send(data, DONT_WAIT)
            except OSError:
                sent = 0  # The network takes no more, or it is broken. The writer finds out.
            if sent < len(data):
                self.buffer(memoryview(data)[sent:])

    def buffer(self, data):
        """Lets data wait. The first message may be of any size, but not what waits behind it."""
        if self.writer:
            self.send_buffer.append(data)
            self.buffered += len(data)
        else:
            self.writer = threading.Thread(target=self.write, args=[data], daemon=True)
            self.writer.start()
        if self.buffered > MAX_BACKLOG:
            self.abort(f"cut off, more than {MAX_BACKLOG} bytes were waiting for it")

    def write(self, data):
        """The writer thread: sends data, and then all that waits.

        It sends small pieces, because send() may wait until the network has taken all of one.
        """
        while data:
            try:
                data = data[self.connection.send(data[:16384]) :]
                self.taken_at = time.monotonic()
            except socket.timeout:
                pass
            except OSError:
                self.abort()
            if not data or self.aborted is not None:
                data = self.next_data()

    def next_data(self):
        """Returns what is to be sent next, or None: then the writer ends."""
        with self.lock:
            if self.send_buffer:
                self.buffered -= len(self.send_buffer[0])
                return self.send_buffer.popleft()
            self.writer = None

    def abort(self, reason=""):
        """Cuts the connection off at once, whatever is waiting. reason: for the terminal."""
        with self.lock:
            self.aborted = self.aborted or reason
            self.closed_at = self.closed_at or time.monotonic()
            self.send_buffer.clear()
            with contextlib.suppress(OSError):
                self.quick.shutdown(socket.SHUT_RDWR)

    def finish(self):
        """Waits until everything is sent, and tells the client's system that this was all."""
        writer = self.writer
        if writer:
            writer.join()
        with contextlib.suppress(OSError):
            self.quick.shutdown(socket.SHUT_WR)

    def release(self):
        """Releases the connection, when nobody needs it anymore."""
        if self.writer or not self.closed_at:
            self.abort()
            self.finish()
        with self.lock:
            self.quick.detach()


# ---- SturdyHandler -------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>%(message)s</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif; margin: 2rem;
background: light-dark(#eef1f6, #0d1017) }</style><main><h1>%(message)s</h1><p>%(explain)s</p>"""
NO_PAGES = """<p>It has no pages of its own. On that computer, open <b>js_client/index.html</b>, or
start http_ws_server_example and open <a href="http://localhost:3000/">localhost:3000</a>.</p>"""
NO_UPGRADE = "A proxy in between removed the Upgrade header. See HTTPS.md for how to set it up."
HOW_TO_LET_IN = """If you trust it, add it to ALLOWED_SITES in
sturdy_websocket.py, or for pages from disk ("null") set PAGES_FROM_DISK = True, and restart."""
HTTPS_TRIED = "Someone tried https:// or wss:// here. Use http:// or ws://, or see HTTPS.md."


class SturdyHandler(BaseHTTPRequestHandler):
    """One connection. http.server reads the request: path and headers are there for the lesson."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # In seconds. abort() wakes a thread that is waiting for the network, but not on Windows: there
    # the thread has to check from time to time.
    timeout = 0.5 if os.name == "nt" else None
    error_message_format = PAGE
    client = None  # the lesson's dictionary, once this is a WebSocket

    def setup(self):
        """Called by socketserver before handle()."""
        super().setup()
        self.stream = Stream(self.connection)
        self.rfile = io.BufferedReader(self.stream)
        self.server.connections.add(self)

    def finish(self):
        """Called by socketserver after handle()."""
        self.server.connections.discard(self)
        self.stream.release()

    def parse_request(self):
        """Called by http.server when it has the first line. TLS begins with the byte 0x16."""
        if self.raw_requestline.startswith(b"\x16"):
            print_once(HTTPS_TRIED)
        return super().parse_request()

    def log_message(self, *arguments):
        """Prints nothing: the terminal belongs to the lesson."""

    def end_headers(self):
        """Adds a header that tells the course's pages which server sent them."""
        self.send_header("WebSocket-Server", "SturdyServer")
        super().end_headers()

    # -- handshake (section 4.2)

    def do_GET(self):
        """Becomes a WebSocket if the client asks for one and is allowed to, or sends a page."""
        if "websocket" in self.headers.get("Upgrade", "").lower():
            if self.may_come_in():
                self.serve_websocket()
        elif self.headers.get("Sec-WebSocket-Key"):
            print_once(NO_UPGRADE)
            self.send_error(400, explain=NO_UPGRADE)
        else:
            self.do_page()

    do_HEAD = do_GET

    def do_page(self):
        """Sends a page that says what this is. A server with pages overrides it."""
        self.error_message_format = PAGE + NO_PAGES
        self.send_error(426, "WebSocket server", f"Its address: ws://{self.headers.get('Host')}/")

    def may_come_in(self):
        """Tells whether the handshake can be accepted. If not, sends the reason."""
        origin = self.headers.get("Origin")
        key = self.headers.get("Sec-WebSocket-Key", "").strip()
        version = self.headers.get("Sec-WebSocket-Version", "").strip()
        if self.command != "GET" or version != "13" or not re.fullmatch(r"(?a)[\w+/]{22}==", key):
            return self.send_error(400, explain="This isn't a handshake for WebSocket version 13.")
        if not may_connect(origin):
            print_once(f"Refused a page from {origin[:200]!r}. {HOW_TO_LET_IN}")
            return self.send_error(403, explain=HOW_TO_LET_IN)
        if len(self.server.clients) >= MAX_CLIENTS:
            return self.send_error(503, explain=f"There are already {MAX_CLIENTS} clients.")
        return True

    def make_answer(self):
        """Returns the answer to a good handshake, and a first heartbeat: bytes (section 4.2.2)."""
        key = self.headers["Sec-WebSocket-Key"].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept}")
        # If a page names protocols, its browser gives up unless the server chooses one.
        for protocol in re.findall(r"[^\s,]+", self.headers.get("Sec-WebSocket-Protocol", ""))[:1]:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        heartbeat = make_message("") if self.wants_heartbeat() else b""
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + heartbeat

    # -- from arriving to leaving

    def serve_websocket(self):
        """Reads messages until the client leaves, or has to."""
        try:
            self.server.add_client(self)
            while True:
                message = self.read_next_message()
                # After a close frame, the lesson hears nothing more.
                if not self.stream.closed_at:
                    self.server.call(self.server.message_received, self.client, message)
        except Closing as closing:
            self.close(*closing.args)
        except UnicodeDecodeError:
            self.close(1007, "text that is not UTF-8")
        except OSError:
            if self.stream.aborted:
                print(f"{self.client['address'][0]}: {self.stream.aborted}")
        finally:
            self.server.remove_client(self)
        self.wait_for_end()

    def close(self, code, reason):
        """Closes the connection politely. code (int) and reason (str): of the close frame."""
        self.send_close(code, reason.encode())
        print(f"{self.client['address'][0]}: closed with code {code}, {reason}")

    def wait_for_end(self):
        """Reads on until the client hangs up or is overdue.

        Bytes that nobody reads would reset the connection, and a close frame would be lost. The
        end comes as an OSError, which handle_error() expects.
        """
        if self.stream.closed_at:
            self.stream.finish()
        while True:
            self.rfile.read1(65536)

    def silence(self, now):
        """Returns for how many seconds nothing has come from the client, or gone to it.

        After a close frame, what it says doesn't count anymore.
        """
        since = self.stream.closed_at or self.stream.waiting_since or now
        return now - max(since, self.stream.taken_at)

    def wants_heartbeat(self):
        """Tells whether the client has connected with ?heartbeat in its address."""
        return "heartbeat" in re.split("[?&]", self.path)

    def abort_if_overdue(self, now):
        """Cuts off a client that has been silent for too long, or won't hang up."""
        has_everything = self.stream.closed_at and not self.stream.writer
        if self.silence(now) > (CLOSE_TIME if has_everything else SILENCE):
            self.stream.abort("gone, it stopped answering")

    # -- reading (sections 5 and 6.2)

    def read_pieces(self, size, mask):
        """Yields that many bytes as they come, unmasked."""
        while size:
            piece = self.rfile.read1(min(size, 65536))
            yield unmask(piece, mask)
            size -= len(piece)
            # The next piece begins with another byte of the mask.
            mask = (mask + mask)[len(piece) % 4 :][:4]

    def read_next_message(self):
        """Waits for a whole message and returns it: str for text, bytes for binary.

        A byte that can't be UTF-8 is noticed as soon as it comes, not at the end (section 8.1).
        Raises Closing if the client breaks a rule, UnicodeDecodeError for text that isn't UTF-8,
        OSError if it is gone.
        """
        kind = None
        size = 0
        parts = []
        utf8 = codecs.getincrementaldecoder("utf-8")()
        fin = False
        while not fin:
            fin, opcode, length, mask = self.read_header(kind)
            if opcode >= CLOSE:
                fin = self.answer_control(opcode, unmask(self.rfile.read(length), mask))
                continue
            kind = kind or opcode
            size += length
            if size > MAX_MESSAGE:
                raise Closing(1009, f"a message of more than {MAX_MESSAGE} bytes")
            for piece in self.read_pieces(length, mask):
                parts.append(utf8.decode(piece) if kind == TEXT else piece)
        if kind == BINARY:
            return b"".join(parts)
        return "".join(parts) + utf8.decode(b"", final=True)

    def read_header(self, kind):
        """Returns (fin, opcode, length, mask) of the next frame (sections 5.2, 5.4 and 5.5).

        kind: opcode of the message that has begun, or None.
        """
        first, second = self.rfile.read(2)
        fin = first & FIN
        opcode = first & 0x0F
        length = second & 0x7F
        # Three bits are reserved, ten opcodes too, and a client has to mask its frames.
        if first & 0x70 or opcode & 0x07 > 2 or not second & 0x80:
            raise Closing(1002, "not a frame from a WebSocket client")
        if opcode >= CLOSE and (length > 125 or not fin):
            raise Closing(1002, "a control frame that is too long or in fragments")
        if opcode < CLOSE and (opcode == CONTINUATION) != (kind is not None):
            raise Closing(1002, "fragments out of order")
        if length > 125:
            length = int.from_bytes(self.rfile.read(2 if length == 126 else 8), "big")
        return fin, opcode, length, self.rfile.read(4)

    def answer_control(self, opcode, payload):
        """Answers a ping or a close frame (sections 5.5 and 7.4). OSError: it was the end."""
        if opcode == PING:
            self.send_pong(payload)
        if opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            allowed = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
            if payload and not allowed:
                raise Closing(1002, "a close code that may not be sent")
            # The reason has to be UTF-8, or decode() raises an error.
            self.send_close(code, payload[2:].decode().encode())
            raise ConnectionError("the client has closed the connection")

    # -- sending: these four belong to the package's handler too

    def send_message(self, message):
        """Sends str as text, bytes as binary. TypeError for anything else."""
        self.server.send_frame([self.client], make_message(message))

    def send_text(self, message, opcode=TEXT):
        """Sends a frame with this opcode. message: str or bytes."""
        payload = message.encode() if isinstance(message, str) else bytes(message)
        self.server.send_frame([self.client], make_frame(opcode, payload))

    def send_pong(self, message):
        """Answers a ping with what it held (section 5.5.3). message: str or bytes."""
        self.send_text(message, PONG)

    def send_close(self, status=1000, reason=b""):
        """Begins or answers the closing handshake (section 7.1), once. status 0: no code.

        The client then has CLOSE_TIME to hang up, and the lesson hears nothing more from it.
        reason: bytes; at most 123 of them are sent, and only whole characters.
        """
        reason = reason[:123].decode("utf-8", "ignore").encode()
        self.send_text(status.to_bytes(2, "big") + reason if status else b"", CLOSE)


# ---- SturdyServer --------------------------------------------------------------------------


class SturdyServer(WebsocketServer):
    """The package's WebsocketServer, with the same methods and arguments.

    host: "" for every network of this computer, "127.0.0.1" for this computer only.
    port: a number, 0 for any that is free. loglevel: of the package's logging.
    key, cert: not supported. Ends the program with a sentence if the port can't be had.
    """

    allow_reuse_address = os.name != "nt"  # on Windows, two servers could share a port
    request_queue_size = 1024  # a whole class may reload at the same moment
    handler_class = SturdyHandler  # each connection gets one
    addresses = "ws://{0}:{1}/  http://{0}:{1}/"  # as they are printed at the start

    def __init__(self, host="", port=0, loglevel=logging.WARNING, key=None, cert=None):
        if key or cert:
            sys.exit("SturdyServer has no key and no cert. For wss://, see HTTPS.md.")
        if host == "" and socket.has_dualstack_ipv6():
            host = "::"  # takes IPv4 too
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.order = threading.Lock()
        self.outbox = collections.deque()
        self.connections = set()  # all handlers, also of pages and of clients that are leaving
        self.next_ping = time.monotonic() + PING_EVERY
        try:
            super().__init__(host, int(port), loglevel)
        except OSError as error:
            sys.exit(PORT_TAKEN.format(port=port, why=error.strerror, typed=" ".join(sys.argv)))
        self.RequestHandlerClass = self.handler_class

    def server_bind(self):
        """Called by socketserver: takes the port, for both IPv4 and IPv6."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name == "nt":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        super().server_bind()

    # -- arriving and leaving

    def process_request(self, request, client_address):
        """Called by socketserver: gives a connection a thread of its own.

        threading.Thread would first wait for the new thread, which costs a third of the speed
        when a whole class connects.
        """
        _thread.start_new_thread(self.process_request_thread, (request, client_address))

    def handle_error(self, request, client_address):
        """Called by socketserver: shows the traceback of a bug. A lost connection isn't one."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def add_client(self, handler):
        """Lets a client in and calls new_client, or closes if no new clients are allowed.

        First it joins the list, then the handshake is answered, and nobody else can send in
        between. So the answer comes first, and the client misses nothing from then on.
        """
        address = (handler.client_address[0].removeprefix("::ffff:"), handler.client_address[1])
        denied = self._deny_clients
        with self.order:
            self.id_counter += 1
            handler.client = {"id": self.id_counter, "handler": handler, "address": address}
            # It is a new list each time, so that a loop over the old one skips nobody.
            if not denied:
                self.clients = [*self.clients, handler.client]
            handler.stream.send(handler.make_answer())
        self.send_outbox()
        if denied:
            return handler.send_close(denied["status"], denied["reason"])
        self.call(self.new_client, handler.client)

    def remove_client(self, handler):
        """Takes a client off the list and calls client_left, if it was in.

        Before that, it sends what is in the outbox: the client's close frame may be there.
        """
        with self.order:
            self.send_batch()
            was_in = handler.client in self.clients
            self.clients = [other for other in self.clients if other is not handler.client]
        self.send_outbox()
        if was_in:
            self.call(self.client_left, handler.client)

    def call(self, function, client, *message):
        """Calls one of the lesson's functions. If it raises an error, shows where, and closes."""
        try:
            function(client, self, *message)
        except (Exception, SystemExit):
            # If print() fails here too, that was the error: the terminal is gone, or the disk is
            # full. The server goes on without it.
            with contextlib.suppress(OSError):
                print(flush=True)
                traceback.print_exc()
                client["handler"].close(1011, "an error in the server's program")

    # -- sending

    def _unicast(self, client, message):
        client["handler"].send_message(message)

    def _multicast(self, message):
        self.send_frame(self.clients, make_message(message))

    def send_frame(self, clients, frame):
        """Sends a frame (bytes) to each client of a list, in the same order for everyone."""
        self.outbox.append((clients, frame))
        self.send_outbox()

    def send_outbox(self):
        """Sends what is in the outbox, unless another thread is doing that already.

        A thread that finds the lock taken doesn't wait: the one that holds it sends this as well.
        Only when a hundred messages have piled up does it wait, which slows down a flood.
        """
        wait = len(self.outbox) > 100
        while self.outbox and self.order.acquire(blocking=wait):
            try:
                self.send_batch()
            finally:
                self.order.release()

    def send_batch(self):
        """Sends what is in the outbox now. Frames for the same list go out in one piece.

        An equal list isn't the same list: send() has to see each close frame by itself.
        """
        batch = [self.outbox.popleft() for _ in range(len(self.outbox))]
        for (_, clients), entries in itertools.groupby(batch, key=lambda one: (id(one[0]), one[0])):
            data = b"".join([frame for _, frame in entries])
            for client in clients:
                client["handler"].stream.send(data)

    def service_actions(self):
        """Called by socketserver twice a second: pings silent clients, cuts off overdue ones.

        A page can't see pings. If it connected with ?heartbeat, it gets empty messages as well.
        """
        now = time.monotonic()
        if now > self.next_ping:
            self.next_ping = now + PING_EVERY
            silent = [one for one in self.clients if one["handler"].silence(now) > PING_EVERY]
            self.send_frame(silent, make_frame(PING, b""))
            pages = [one for one in self.clients if one["handler"].wants_heartbeat()]
            self.send_frame(pages, make_message(""))
        for handler in list(self.connections):
            handler.abort_if_overdue(now)

    def _disconnect_clients_gracefully(self, status=1000, reason=b""):
        for client in self.clients:
            client["handler"].send_close(status, reason)

    def _terminate_client_handler(self, handler):
        handler.stream.abort()

    # -- starting and stopping

    def _run_forever(self, threaded):
        """Serves until Ctrl-C or SIGTERM; with threaded, in a thread, and returns at once."""
        if threaded:
            self.thread = threading.Thread(target=self.serve_forever, daemon=True)
            return self.thread.start()
        # Only the main thread may set what a signal does. Lines appear at once, even in a pipe,
        # and a character that the terminal can't show is no error. (IDLE has no such settings.)
        with contextlib.suppress(ValueError, AttributeError):
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
        with contextlib.suppress(KeyboardInterrupt):
            print_addresses(self)
            self.serve_forever()
        # Pressing Ctrl-C again ends the waiting.
        with contextlib.suppress(KeyboardInterrupt):
            self.server_close()
            self.disconnect_clients_gracefully(1001, b"the server is stopping")
            end = time.monotonic() + CLOSE_TIME + 0.5
            while any(each.client for each in list(self.connections)) and time.monotonic() < end:
                self.service_actions()
                time.sleep(0.02)


# ---- For the lesson ------------------------------------------------------------------------

PORT_TAKEN = """\
Port {port} is in use or reserved ({why}).
Stop the other server.py with Ctrl-C, or choose another port, from 1024 to 65535:
  macOS, Linux:            PORT=8081 python {typed}
  Windows PowerShell:      $env:PORT=8081; python {typed}
  Windows Command Prompt:  set PORT=8081& python {typed}"""

# Prints something that is worth saying only once, however often it happens.
print_once = functools.lru_cache(maxsize=100)(print)


def shorten(message):
    """Returns a message (str or bytes) as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 100 else f"{message[:100]}… ({len(message)} characters)"
    # Characters that would move the cursor or start a new line are shown as \n and the like. The
    # one that joins emoji is harmless.
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def no_words_expected(help_text):
    """Ends the program if anything was typed after server.py, and prints what to type."""
    if sys.argv[1:]:
        print(help_text.strip())
        sys.exit(0 if sys.argv[1:] == ["--help"] else 2)


def port_from_environment(default):
    """Returns the PORT that was set in the terminal, or else default, as a number.

    Ends the program with a sentence if PORT is not a port.
    """
    text = os.environ.get("PORT", str(default)).strip()
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"PORT is {text!r}, but a port is a number from 1024 to 65535, such as 8081.")
    return int(text)


def own_addresses():
    """Returns the IPv4 addresses of this computer (list of str), the most likely one first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):
            # The one that leads to the internet. Nothing is sent to find it.
            probe.connect(("192.0.2.1", 9))
        found = [probe.getsockname()[0]]
        # Windows can't always look up its own name.
        with contextlib.suppress(OSError, UnicodeError):
            found += socket.gethostbyname_ex(socket.gethostname())[2] if os.name == "nt" else []
        ask = 0xC0206921 if sys.platform == "darwin" else 0x8915  # SIOCGIFADDR
        for _, name in socket.if_nameindex():
            # Not every interface has an address, and Windows has no fcntl.
            with contextlib.suppress(OSError, ImportError):
                import fcntl

                answer = fcntl.ioctl(probe, ask, name.encode().ljust(256, b"\0"))
                found.append(socket.inet_ntoa(answer[20:24]))
    return [each for each in dict.fromkeys(found) if not each.startswith(("0.", "127."))]


def print_addresses(server):
    """Prints how to reach the server, ready to be clicked or pasted."""
    here = "localhost" if server.host in ("", "::", "0.0.0.0") else server.host
    addresses = own_addresses() if here == "localhost" else []
    print("WebSocket server is running, Ctrl-C stops it.")
    print(f"  this computer:  {server.addresses.format(here, server.port)}")
    for address in addresses:
        print(f"  other devices:  {server.addresses.format(address, server.port)}")
    if not addresses:
        print("  other devices:  no address, because there is no network or HOST is set")
        return
    print(f'  Arduino:        #define SECRET_SERVER "{addresses[0]}"')
    print(f"                  #define SECRET_PORT {server.port}")
