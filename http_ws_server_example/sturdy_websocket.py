"""
A WebSocket server that nothing knocks over

You can skip this file: the lesson is in server.py. The package websocket-server 0.6.4 keeps
the list of clients and calls the lesson's functions; SturdyServer adds what it leaves out.
The same bytes stand in all three server folders. From top to bottom:

  Settings        limits, and the web sites whose pages may connect
  Pages           which ones may connect: those from here, and from these web sites
  Outgoing        what one client is sent: never waits for a slow client, never mixes the order
  SturdyHandler   one client, in a thread of its own
    handshake       an HTTP request becomes a WebSocket, or gets a page that says why not
    reading         messages, ping and pong, closing
    leaving         once, and with the right close code
  SturdyServer    all clients
    accepting       a thread for each connection, used again
    who is here     the list, and the lesson's functions
    sending         one order for everybody
    running         start and stop

It stands on two files beside it:
  frames.py       what a message looks like on the wire
  server_help.py  ports and addresses, and a terminal that nobody waits for

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

import base64
import collections
import contextlib
import errno
import functools
import hashlib
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
from http.server import BaseHTTPRequestHandler

# The two files next to this one.
from frames import CLOSE, PING, PONG, Closing, Incoming, make_frame, make_message
from server_help import allow_many_files, is_local, port_advice, port_number, print_addresses

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
REQUEST_TIME = 10  # seconds for a whole HTTP request, however it drips
PING_AFTER = 20  # seconds of silence before a ping; twice that: dropped
CLOSE_TIME = 2  # seconds for a client to hang up after a close frame

# What the system says when it is out of files or memory: it may have some again later.
SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


# ---- Pages: which ones may connect (section 10.2) ------------------------------------------


def may_connect(origin):
    """Tells whether a page from this origin may connect. None: it is not a browser."""
    if origin in ("null", "file://"):
        return PAGES_FROM_DISK
    return origin in (None, *ALLOWED_SITES) or is_local(origin)


@functools.lru_cache(maxsize=100)  # once for each, however often its pages try
def warn_of(origin):
    """Prints that pages of a web site were refused, and what to do."""
    what = "set PAGES_FROM_DISK = True" if origin == "null" else "add it to ALLOWED_SITES"
    print(
        f"Refused a page from {origin!r}. If you trust it, {what} in\n"
        "sturdy_websocket.py and start the server again."
    )


# ---- Outgoing ------------------------------------------------------------------------------


class Outgoing:
    """What one client is sent. There is a writer thread exactly while something waits.

    connection: the client's socket. The frames that wait are in pieces; sent counts the bytes of
    the first one that are gone, waiting the bytes that all of them cost; taken counts all bytes
    that have waited and are gone. open: more may be sent.
    """

    total, total_lock = 0, threading.Lock()

    def __init__(self, connection):
        self.connection, self.lock = connection, threading.Lock()
        self.pieces, self.sent, self.waiting = collections.deque(), 0, 0
        self.open, self.writer = True, None
        self.taken = 0
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
        except OSError as error:
            if isinstance(error, BlockingIOError) or error.errno in SHORTAGE:
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
        self.taken += sent
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
        with self.lock:
            self.open = False
            writer = self.writer
        if writer:
            self.cut()
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
        self.rfile = Incoming(self.connection, MAX_MESSAGE)
        self.outgoing = Outgoing(self.connection)
        self.accepted = self.client = None
        self.said_goodbye = False
        self.taken_before = 0  # what outgoing.taken was at the last silence
        with self.server.door:
            self.server.connections.add(self)

    def handle_one_request(self):
        self.rfile.begin(REQUEST_TIME, MAX_REQUEST)
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
        # A request without a version (HTTP/0.9) has a dictionary here, and it is empty.
        lines = self.headers.get_all(name, []) if self.headers else []
        return re.findall(r"[^\s,]+", ",".join(lines).lower())

    def find_refusal(self):
        """Returns (status, reason) if the handshake can't be accepted, else (None, None)."""
        origin = self.headers["Origin"]
        if self.words("Sec-WebSocket-Version") != ["13"]:
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
        address = f"ws://{self.headers.get('Host')}/"
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
                self.server._message_received_(self, self.rfile.read_message(self.answer_control))
        except Closing as error:
            closing = error
        except UnicodeDecodeError:
            closing = Closing(1007, "text has to be UTF-8")
        except (OSError, EOFError):
            pass  # gone, with or without a goodbye
        finally:
            self.leave(closing)

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
        """Called after each PING_AFTER seconds without a byte: asks once if somebody is there.

        Who has taken some of what waits is there, and the ping comes behind that.
        """
        if self.outgoing.taken > self.taken_before:
            self.taken_before = self.outgoing.taken
            self.rfile.silent = 0
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
            if self.said_goodbye or self not in self.server.connections:
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
            super().finish()
        finally:
            self.outgoing.end()
            with self.server.door:
                self.server.connections.discard(self)
                self.server.overdue_at.pop(self, None)
                self.server.door.notify_all()


# ---- SturdyServer --------------------------------------------------------------------------


def send_to(clients, data):
    """Sends frames (bytes) to each client of a list."""
    for client in clients:
        client["handler"].outgoing.send(data)


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
        self.set_clients([])
        allow_many_files(MAX_CLIENTS + 1000)
        try:
            super().__init__(host, port_number(port))
        except OSError as error:
            sys.exit(port_advice(error, host, port))
        self.RequestHandlerClass = handler

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
        self.arrived.put((request, client_address))
        try:
            self.idle.get_nowait()
        except queue.Empty:
            try:
                threading.Thread(target=self.serve_connections, daemon=True).start()
            except RuntimeError:
                self.turn_one_away()

    def turn_one_away(self):
        """The system has no more threads: whoever waits for one has to try again."""
        try:
            self.shutdown_request(self.arrived.get_nowait()[0])
        except queue.Empty:  # a thread has just become free, and has taken it
            self.idle.get()

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
                "address": (host.removeprefix("::ffff:"), port),
            }
            self.set_clients([*self.clients, handler.client])
        self.call(self.new_client, handler.client)

    def _message_received_(self, handler, message):
        if not handler.said_goodbye:
            self.call(self.message_received, handler.client, message)

    def remove(self, client):
        with self.door:
            self.set_clients([other for other in self.clients if other is not client])

    def set_clients(self, clients):
        """Changes who is here. A new list each time: a loop over the old one skips nobody.

        And what is said now goes to those who are here now, whoever comes or leaves before it
        is sent: each list has its own function.
        """
        self.clients = clients
        self.send_to_all = functools.partial(send_to, clients)

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
            # In one piece; and with pythonw on Windows there is no standard error.
            print(traceback.format_exc(), end="", file=sys.stderr)
            raise Closing(1011, "an error in the server") from None

    # -- sending

    def _unicast(self, receiver_client, message):
        self.post(receiver_client["handler"].outgoing.send, make_message(message))

    def _multicast(self, message):
        self.post(self.send_to_all, make_message(message))

    def post(self, send, frame):
        """Puts a frame into the outbox, for the function send.

        One thread at a time is the sender. Whoever finds that lock free empties the outbox;
        whoever finds it taken goes on, its frame is sent with the others. So everybody sees
        one order, and what waits for the same receiver goes as one call.
        """
        self.outbox.append((send, frame))
        wait = len(self.outbox) > MAX_WAITING or len(frame) > 65536
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
