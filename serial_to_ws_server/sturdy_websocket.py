"""
  A WebSocket server that nothing knocks over

  You can skip this file. The lesson is in server.py; this is what it leans on: the
  package websocket-server 0.6.4 accepts connections and calls the lesson's functions,
  and SturdyServer adds what the package leaves out. The same file, byte for byte, stands
  in ws_server_example, http_ws_server_example and serial_to_ws_server. In this order:

    Settings      the limits, and the web sites whose pages may connect
    Frames        the bytes of WebSocket messages: RFC 6455, the standard, section 5
    Incoming      the bytes from one client, in any pieces: no one can drip for ever
    SturdyHandler one client, in a thread of its own
      handshake     an HTTP request becomes a WebSocket, or gets a readable page
      reading       fragments, text and binary, ping and pong, closing
      sending       never waits for a slow client, never loses the order
      leaving       once, and with the right close code
    SturdyServer  all the clients: who is here, sending to all, starting and stopping

  Standard: https://www.rfc-editor.org/rfc/rfc6455
"""
import base64
import codecs
import collections
import contextlib
import errno
import hashlib
import html
import ipaddress
import itertools
import logging
import operator
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from importlib.metadata import version
from urllib.parse import urlsplit

# The package sets up logging for the whole program when it is imported: that is undone.
log_handlers = logging.root.handlers[:]
try:
    from websocket_server import WebsocketServer

    if version("websocket-server") != "0.6.4":
        raise ImportError("another version may have other insides")
except ImportError:
    sys.exit("This lesson needs the package websocket-server 0.6.4. Type:\n"
             "  python -m pip install websocket-server==0.6.4")
logging.root.handlers[:] = log_handlers

# ---- Settings ------------------------------------------------------------------------

# Pages from the internet that may connect: scheme and name, as the terminal shows them.
# Pages from your own disk, computer and network always may.
ALLOWED_SITES = ["https://editor.p5js.org", "https://preview.p5js.org"]
MAX_CLIENTS = 1000
MAX_MESSAGE = 16 * 1024 * 1024      # bytes in one message
MAX_BACKLOG = 16 * 1024 * 1024      # bytes that wait for one slow client before it is dropped
MAX_WAITING = 100                   # messages to all that wait before a sender has to wait too
MAX_REQUEST = 64 * 1024             # bytes in an HTTP request
REQUEST_TIME = 10                   # seconds for a whole HTTP request, however it drips
PING_AFTER = 20                     # seconds of silence before a ping; dropped after twice that
CLOSE_TIME = 2                      # seconds for the other side to hang up after a close

# ---- Frames (RFC 6455, section 5.2) --------------------------------------------------

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Row k says what each byte becomes when it is XORed with k.
XOR = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


class Closing(Exception):
    """This connection ends with a close frame: args are its code (None: without one) and reason."""


def make_frame(opcode, payload):
    """Returns one whole, unmasked frame as bytes, as servers send them."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, size) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def message_frame(message):
    """Returns the frame for a message: str as text, bytes as binary. Raises TypeError for others."""
    if isinstance(message, str):
        return make_frame(TEXT, message.encode("utf-8", "replace"))
    if isinstance(message, (bytes, bytearray, memoryview)):
        return make_frame(BINARY, bytes(message))
    raise TypeError(f"a message is str or bytes, not {type(message).__name__}: "
                    "send str(...) or json.dumps(...) of it")


def unmask(data, mask):
    """Returns data with the client's four mask bytes taken off (section 5.3)."""
    result = bytearray(len(data))
    for i in range(4):
        result[i::4] = data[i::4].translate(XOR[mask[i]])
    return bytes(result)


def close_arguments(payload):
    """Returns code and reason of the answer to a close frame (sections 5.5.1 and 7.4)."""
    if not payload:
        return None, ""
    code = int.from_bytes(payload[:2], "big")
    payload[2:].decode()
    if len(payload) == 1 or not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014
                                 or 3000 <= code <= 4999):
        return 1002, "no such close code"
    return code, ""


# ---- Incoming ------------------------------------------------------------------------

class Incoming:
    """The bytes that one client sends, whatever the pieces in which the network brings them.

    http.server reads the lines of a request from it, the handler then takes frames.
    deadline: time.monotonic() at which waiting ends; late(): called then, raises or goes on.
    """

    def __init__(self, connection):
        self.connection, self.buffer, self.ask = connection, bytearray(), 4096
        self.begin_request()

    def begin_request(self):
        """Gives the client REQUEST_TIME and MAX_REQUEST for its next request."""
        self.deadline, self.room = time.monotonic() + REQUEST_TIME, MAX_REQUEST

    def late(self):
        raise socket.timeout("too slow")

    def fill(self):
        """Waits for more bytes. Raises EOFError when there will be none, OSError when it broke."""
        while True:
            try:
                if self.deadline:
                    self.connection.settimeout(max(self.deadline - time.monotonic(), 0.001))
                data = self.connection.recv(self.ask)
                break
            except socket.timeout:
                self.late()
        if not data:
            raise EOFError("the client has hung up")
        self.buffer += data
        # Idle clients cost little memory, busy ones few calls.
        self.ask = 65536 if len(data) == self.ask else 4096

    def take(self, size):
        """Waits for exactly this many bytes and returns them."""
        while len(self.buffer) < size:
            self.fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def take_pieces(self, size):
        """Yields this many bytes in pieces, each as soon as it is here."""
        while size:
            if not self.buffer:
                self.fill()
            piece = self.take(min(size, len(self.buffer)))
            size -= len(piece)
            yield piece

    def readline(self, limit):
        """Returns the next line as a file would; raises LineTooLong for an oversized request."""
        with contextlib.suppress(EOFError):
            while b"\n" not in self.buffer and len(self.buffer) < limit:
                self.fill()
        line = self.take(min(self.buffer.find(b"\n") + 1 or limit, limit, len(self.buffer)))
        self.room -= len(line)
        if self.room < 0:
            raise LineTooLong("request")
        return line

    def close(self):
        self.buffer.clear()


# ---- SturdyHandler -------------------------------------------------------------------

class SturdyHandler(BaseHTTPRequestHandler):
    """One client. http.server reads the request: path and headers are there for the lesson."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True      # otherwise small frames wait for the ones before
    rbufsize = 0

    def setup(self):
        super().setup()
        self.rfile = Incoming(self.connection)
        self.client = self.quick = self.writer = None
        self.backlog, self.waiting, self.closed = collections.deque(), 0, False
        self.lock, self.thread, self.pinged = threading.Lock(), threading.current_thread(), False

    def handle_one_request(self):
        self.rfile.begin_request()
        super().handle_one_request()

    def log_message(self, *args):
        """Says nothing: the terminal belongs to the lesson."""

    # -- handshake (section 4.2)

    def do_GET(self):
        """Makes the connection a WebSocket, if that is asked for; a page otherwise."""
        if "websocket" not in self.words("Upgrade"):
            return self.do_page()
        refusal = self.find_refusal()
        if refusal:
            return self.send_page(*refusal)
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response_only(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        # A browser gives up when none of the protocols that its page names is chosen.
        if self.headers["Sec-WebSocket-Protocol"]:
            first = self.headers["Sec-WebSocket-Protocol"].split(",")[0].strip()
            self.send_header("Sec-WebSocket-Protocol", first)
        self.end_headers()
        self.be_websocket()

    do_HEAD = do_GET

    def words(self, name):
        """Returns the lower-case words of a header that is a list, from all its lines."""
        return [word.strip().lower() for line in self.headers.get_all(name, [])
                for word in line.split(",")]

    def find_refusal(self):
        """Returns (status, text) if this handshake can't be accepted, or None."""
        origin = self.headers["Origin"]
        try:
            key = base64.b64decode(self.headers["Sec-WebSocket-Key"] or "", validate=True)
        except ValueError:
            key = b""
        if self.headers["Sec-WebSocket-Version"] != "13":
            return 426, "This server speaks version 13 of WebSocket."
        if "upgrade" not in self.words("Connection") or len(key) != 16 or "Host" not in self.headers:
            return 400, "This is not the request of a WebSocket client."
        if not may_connect(origin):
            print(f"Refused a page from {origin[:200]!r}. If you trust it, add it to ALLOWED_SITES "
                  "in sturdy_websocket.py")
            return 403, f"Pages from {origin} may not connect to this server."
        if len(self.server.clients) >= MAX_CLIENTS:
            return 503, f"There are {MAX_CLIENTS} clients already: try again later."
        return None

    def do_page(self):
        """Answers a request for a page. Overridden where there are pages."""
        self.send_page(426, "This is a WebSocket server, and it is running. It has no pages: open "
                            f"js_client/index.html and connect to ws://{self.headers['Host']}/")

    def send_page(self, status, text):
        """Sends a page that says why there is no WebSocket, and hangs up."""
        body = f"<!doctype html><title>{status}</title><p>{html.escape(text)}</p>\n".encode()
        self.send_response(status)
        for header in (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", len(body)),
                       ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                       ("Connection", "Upgrade, close")):
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    # -- reading (sections 5 and 6.2)

    def be_websocket(self):
        """From the handshake to the end: comes in, is read, leaves."""
        closing, self.close_connection = None, True
        # Two sockets for one connection: this one waits, for a while; quick never does.
        self.quick = self.connection.dup()
        self.quick.settimeout(0)
        self.connection.settimeout(PING_AFTER)
        self.rfile.deadline, self.rfile.late = None, self.ping_or_give_up
        try:
            self.server._new_client_(self)
            while True:
                self.server._message_received_(self, self.read_message())
        except Closing as error:
            closing = error.args
        except UnicodeDecodeError:
            closing = 1007, "text has to be UTF-8"
        except (OSError, EOFError):
            pass
        finally:
            self.leave(closing)

    def read_message(self):
        """Waits for a whole message: str if it is text, bytes if it is binary (section 5.4)."""
        kind, message, check = None, bytearray(), codecs.getincrementaldecoder("utf-8")()
        while True:
            fin, opcode, size, mask = self.read_header(kind)
            if opcode >= CLOSE:
                self.answer(opcode, unmask(self.rfile.take(size), mask))
                continue
            kind = kind or opcode
            if len(message) + size > MAX_MESSAGE:
                raise Closing(1009, f"more than {MAX_MESSAGE} bytes")
            for piece in self.rfile.take_pieces(size):
                message += unmask(piece, mask)
                mask = (mask * 2)[len(piece) % 4:][:4]
                # A wrong byte is found as it comes, not at the end of a long message.
                if kind == TEXT:
                    check.decode(message[-len(piece):])
            if fin:
                check.decode(b"", final=True)
                return message.decode() if kind == TEXT else bytes(message)

    def read_header(self, kind):
        """Returns (fin, opcode, size, mask) of the next frame; kind: of the message it goes on with.

        Raises Closing where the client breaks a rule of section 5.2, 5.4 or 5.5.
        """
        first, second = self.rfile.take(2)
        fin, opcode, size = first & 0x80, first & 0x0F, second & 0x7F
        if first & 0x70 or opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise Closing(1002, "reserved bits or opcodes")
        if not second & 0x80:
            raise Closing(1002, "a client has to mask its frames")
        if opcode >= CLOSE and (size > 125 or not fin):
            raise Closing(1002, "a long or cut control frame")
        if opcode < CLOSE and (opcode == CONTINUATION) != bool(kind):
            raise Closing(1002, "fragments out of order")
        if size > 125:
            size = int.from_bytes(self.rfile.take(2 if size == 126 else 8), "big")
        return fin, opcode, size, self.rfile.take(4)

    def answer(self, opcode, payload):
        """Answers a control frame (section 5.5). Raises Closing for a close frame."""
        self.pinged = False
        if opcode == CLOSE:
            raise Closing(*close_arguments(payload))
        if opcode == PING:
            self.server.post(self.deliver, make_frame(PONG, payload))

    def ping_or_give_up(self):
        """Called after PING_AFTER seconds without a byte: asks once whether somebody is there."""
        if self.pinged:
            raise socket.timeout("no answer to a ping")
        self.pinged = True
        self.server.post(self.deliver, make_frame(PING, b""))

    # -- sending (section 6.1)

    def deliver(self, data):
        """Sends frames without waiting. Only the postman calls this (see SturdyServer.post).

        What does not fit stays in the backlog, and a thread sends it as the client takes it.
        """
        with self.lock:
            if self.closed:
                return
            if not self.backlog:
                try:
                    sent = self.quick.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError:         # it is gone: its reading thread finds out by itself
                    return
                if sent == len(data):
                    return
                data = memoryview(data)[sent:]
                self.writer = threading.Thread(target=self.send_backlog, daemon=True)
                self.writer.start()
            self.backlog.append(data)
            self.waiting += len(data)
            # A piece costs memory besides its bytes.
            if self.waiting + 64 * len(self.backlog) > MAX_BACKLOG + len(data):
                self.hang_up()

    def send_backlog(self):
        """Runs in a thread while there is a backlog."""
        while True:
            with self.lock:
                if not self.backlog:
                    return self.end_sending()
                data = self.backlog[0]
            try:
                sent = self.connection.send(data)
            except socket.timeout:
                continue
            except OSError:
                return None
            with self.lock:
                self.waiting -= sent
                if sent == len(data):
                    self.backlog.popleft()
                else:
                    self.backlog[0] = memoryview(data)[sent:]

    def deliver_last(self, data):
        """Sends a close frame and nothing after it."""
        self.deliver(data)
        with self.lock:
            self.closed = True
            if not self.backlog:
                self.end_sending()

    def end_sending(self):
        """Tells the other side, after a close frame, that nothing comes any more."""
        if self.closed:
            with contextlib.suppress(OSError):
                self.quick.shutdown(socket.SHUT_WR)

    def send_close(self, status=1000, reason=b""):
        """Starts the close handshake (section 7.1.2). status None: a close frame without a code."""
        payload = b"" if status is None else struct.pack("!H", status) + reason[:123]
        self.server.post(self.deliver_last, make_frame(CLOSE, payload))

    # -- leaving (section 7)

    def leave(self, closing):
        """Takes the client out of the list, says goodbye if it can be heard, tells the lesson."""
        self.server.remove(self.client)
        if closing:
            self.send_close(closing[0], closing[1].encode())
        self.server._client_left_(self)
        # Reads on until the client hangs up: unread bytes would reset the connection, and
        # the close frame could be lost.
        del self.rfile.late
        self.rfile.deadline = time.monotonic() + CLOSE_TIME
        with contextlib.suppress(OSError, EOFError):
            while closing:
                self.rfile.close()
                self.rfile.fill()

    def hang_up(self):
        """Cuts the connection; the thread that reads it wakes up and leaves."""
        with contextlib.suppress(OSError):
            self.quick.shutdown(socket.SHUT_RDWR)

    def finish(self):
        super().finish()
        if self.quick:
            self.hang_up()
            if self.writer:
                self.writer.join()
            with self.lock:
                self.closed = True
                self.quick.close()
                self.connection.close()


# ---- SturdyServer --------------------------------------------------------------------

class SturdyServer(WebsocketServer):
    """The package's WebsocketServer, made whole.

    host: "" for every network this computer is on, "127.0.0.1" for this computer only;
    port: a number, or its text; handler: the SturdyHandler of each connection.
    Ends the program with a sentence when the port can't be had.
    """

    allow_reuse_address = os.name != "nt"       # on Windows it would let two servers share a port
    request_queue_size = 1024                   # a class of thirty reloads at once

    def __init__(self, host="", port=0, handler=SturdyHandler):
        if host in ("", "0.0.0.0", "::") and socket.has_dualstack_ipv6():
            host = "::"
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.outbox, self.postman, self.door = collections.deque(), threading.Lock(), threading.Lock()
        try:
            super().__init__(host, port_number(port))
        except OSError as error:
            sys.exit(port_advice(error, host, port))
        self.RequestHandlerClass = handler
        allow_many_files()
        # A sign that the terminal can't show must not stop the lesson; a pipe shows lines at once.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name == "nt":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        super().server_bind()

    def get_request(self):
        """Accepts a connection; waits a little when there are no more file descriptors."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(0.1)
            raise

    def verify_request(self, request, client_address):
        """Refuses connections while far more threads run than there may be clients."""
        return threading.active_count() < MAX_CLIENTS + 500

    def handle_error(self, request, client_address):
        """Shows a bug's traceback; a client that went away is none."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    # -- who is here

    def _new_client_(self, handler):
        if self._deny_clients:
            raise Closing(self._deny_clients["status"], self._deny_clients["reason"].decode())
        host, port = handler.client_address[:2]
        with self.door:
            self.id_counter += 1
            handler.client = {"id": self.id_counter, "handler": handler,
                              "address": (host.replace("::ffff:", ""), port)}
            # Always a new list, so that a loop over the old one skips nobody.
            self.clients = [*self.clients, handler.client]
        self.call(self.new_client, handler.client, self)

    def _message_received_(self, handler, message):
        self.call(self.message_received, handler.client, self, message)

    def remove(self, client):
        with self.door:
            self.clients = [other for other in self.clients if other is not client]

    def _client_left_(self, handler):
        if handler.client:
            with contextlib.suppress(Closing):
                self.call(self.client_left, handler.client, self)

    def call(self, function, *args):
        """Calls a function of the lesson. If it raises, shows where, and raises Closing(1011)."""
        try:
            function(*args)
        except Exception:
            traceback.print_exc()
            raise Closing(1011, "an error in the server's lesson") from None

    def handler_to_client(self, handler):
        return handler.client

    # -- sending

    def _unicast(self, receiver_client, message):
        self.post(receiver_client["handler"].deliver, message_frame(message))

    def _multicast(self, message):
        self.post(self.deliver_to_all, message_frame(message))

    def deliver_to_all(self, data):
        for client in self.clients:
            client["handler"].deliver(data)

    def post(self, deliver, frame):
        """Puts a frame into the outbox, to be given to the function deliver.

        One thread at a time is the postman. Whoever finds the job free does it until the
        outbox is empty; whoever finds it taken goes on, the postman takes the letter along.
        So all clients see one order, and what waits for the same receiver goes as one send.
        """
        self.outbox.append((deliver, frame))
        while self.outbox and self.postman.acquire(
                blocking=len(self.outbox) > MAX_WAITING or len(frame) > 65536):
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
        handler.hang_up()

    # -- starting and stopping

    def _run_forever(self, threaded):
        """Serves until Ctrl-C or SIGTERM; with threaded in a thread, and returns at once."""
        if threaded:
            self.thread = threading.Thread(target=self.serve_forever, daemon=True)
            return self.thread.start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        print_addresses(self)
        try:
            self.serve_forever()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)    # stopping takes a second at most
        self.server_close()
        handlers = [client["handler"] for client in self.clients]
        self._disconnect_clients_gracefully(1001, b"the server stops")
        deadline = time.monotonic() + 1
        for handler in handlers:
            handler.thread.join(max(deadline - time.monotonic(), 0))
        print("Server stopped.")


def may_connect(origin):
    """Tells whether a page from this origin may connect (section 10.2).

    The Origin header is sent by browsers, "null" for a page from disk. Only addresses count as
    local, not names that lead to them: anybody can register a name for 127.0.0.1.
    """
    if origin in (None, "null", "file://", *ALLOWED_SITES):
        return True
    try:
        name = urlsplit(origin).hostname or ""
        if name in ("localhost", socket.gethostname().lower()) or name.endswith(".local"):
            return True
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_private or address.is_loopback or address.is_link_local


def port_number(port):
    """Returns the port as a number; ends the program with a sentence if it is none."""
    if not str(port).isdecimal() or int(port) > 65535:
        sys.exit(f"PORT is {port!r}, but a port is a number from 1024 to 65535, 8081 for example.")
    return int(port)


def port_advice(error, host, port):
    """Returns the sentence for a port that can't be had."""
    if error.errno == errno.EADDRINUSE:
        return (f"Port {port} is in use, perhaps by another server.py. Stop that one with Ctrl-C, or "
                f"choose another port:\n  macOS, Linux: PORT=8081 python server.py\n"
                f"  Windows:      set PORT=8081 && python server.py")
    if isinstance(error, PermissionError):
        return f"Port {port} is reserved on this computer. Choose one from 1024 to 65535 as PORT."
    return f"Can't listen on {host!r}, port {port}: {error.strerror}. HOST = \"\" always works."


def allow_many_files():
    """Raises this process' limit of open files: a client takes two, and macOS allows 256."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource     # there is none on Windows, and no such limit

        wanted = 2 * MAX_CLIENTS + 600
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def lan_address():
    """Returns this computer's address in its network as text, or None. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def print_addresses(server):
    """Prints how to reach the server, ready to be clicked or copied."""
    port, lan = server.port, lan_address()
    print("WebSocket server is running, Ctrl-C stops it.")
    print(f"  this computer:  http://localhost:{port}/  ws://localhost:{port}/")
    if lan and server.host in ("::", "0.0.0.0", ""):
        print(f"  other devices:  http://{lan}:{port}/  ws://{lan}:{port}/")
        print(f'  Arduino:        #define SECRET_SERVER "{lan}"')
        print(f"                  #define SECRET_PORT {port}")
    else:
        print("  other devices:  none can reach this computer, it is on no network or HOST forbids it")
