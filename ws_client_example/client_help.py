"""
What goes wrong with a client in a terminal or a pipe

You can skip this file: the lesson is in client.py, which takes from here:

  read_address      what was typed after client.py
  OPTIONS, FAILURES, advice
                    how to connect, what may happen then, and a sentence for each
  Talk              what the two threads tell each other: answers, output, the end
  has_input, lines  what is typed or comes through a pipe
  decode, closing_words, shorten
                    what has come, as text for people
  close             says goodbye to the server
  run               runs the lesson, and ends it tidily
"""

import contextlib
import os
import queue
import ssl
import stat
import sys
import threading

try:
    import websocket
    from websocket import ABNF, WebSocketException
except ImportError as error:
    sys.exit(
        f"{error}\nThis lesson needs the package websocket-client. Type:\n"
        "  python -m pip install websocket-client --force-reinstall"
    )

CONNECT_TIME = 10  # seconds for the server to let us in
QUIET_TIME = 5  # seconds of silence after which no more answers are expected
MAX_AHEAD = 200  # lines that may be sent before the answer to the first is here
MAX_LINES = 1000  # lines that may wait for a terminal that stands still
CLOSE_TIME = 3  # seconds for the server to say goodbye too
# Computers near by are reached directly, even where a proxy stands before the internet.
NEAR = "localhost,.local,::1,127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16"
os.environ["no_proxy"] = NEAR + "," + os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))

# In a terminal somebody reads; otherwise another program does, and wants the bare messages.
KEYBOARD = sys.stdin is not None and sys.stdin.isatty()
IN_TERMINAL = KEYBOARD and sys.stdout.isatty()


class Connection(websocket.WebSocket):
    """The package's WebSocket, on which nothing follows a close frame (RFC 6455, section 5.5.1).

    The package answers the server's close frame while another thread may be sending lines.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.order = threading.Lock()
        self.close_sent = False

    def send_frame(self, frame):
        """Sends one frame, unless a close frame was sent. Returns how many bytes that were."""
        with self.order:
            if self.close_sent:
                return 0
            self.close_sent = frame.opcode == ABNF.OPCODE_CLOSE
            return super().send_frame(frame)


# For websocket.create_connection(). Its own check of text is slow; decode() replaces what isn't.
OPTIONS = {
    "class_": Connection,
    "timeout": CONNECT_TIME,
    "suppress_origin": True,
    "skip_utf8_validation": True,
}
# What it may raise, and what a connection that is lost raises later.
FAILURES = (OSError, ValueError, IndexError, WebSocketException)
LOST = (OSError, WebSocketException)

ADVICE = {  # the first kind of error that fits
    ssl.SSLCertVerificationError: "its certificate can't be trusted ({0.verify_message}).",
    ssl.SSLError: "nobody speaks wss:// there. Try ws://.",
    websocket.WebSocketAddressException: "no computer has that name. Check it, and your network.",
    websocket.WebSocketBadStatusException: "it answers HTTP {0.status_code}. Check port and path.",
    WebSocketException: "that isn't a WebSocket server ({0}). Check the port.",
    OSError: "{0}. Is server.py running, and are address and port right?",
    UnicodeDecodeError: "that isn't a WebSocket server. Check the port.",
    IndexError: "that isn't a WebSocket server. Check the port.",
    ValueError: "an address looks like ws://127.0.0.1:8080/ or wss://example.com/",
}


def advice(error, url):
    """Returns a sentence (str) that says what to do about an error of FAILURES."""
    text = next(text for kind, text in ADVICE.items() if isinstance(error, kind))
    return f"No connection to {url}: {text.format(error)}"


def read_address(usual):
    """Returns the address that was typed after client.py, or the usual one.

    localhost:3000 becomes ws://localhost:3000/. Ends the program after --help, with the header
    of client.py, and with a sentence if there is more than an address.
    """
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(sys.modules["__main__"].__doc__.strip())
        sys.exit()
    if len(words) > 1:
        print(
            f"One address is enough, {words[1]!r} is too much. Type for example:\n"
            "  python client.py ws://localhost:3000/",
            file=sys.stderr,
        )
        sys.exit(2)
    if not words:
        return usual
    address = words[0]
    if address and "://" not in address:
        address = f"ws://{address}" if "/" in address else f"ws://{address}/"
    return address


class Talk:
    """What the two threads tell each other: the answers that are missing, and the end.

    It also writes what the server said, so that a terminal that stands still holds up nobody.
    """

    def __init__(self):
        self.changed, self.ahead, self.answers_come = threading.Condition(), 0, True
        self.endings, self.screen, self.left_out = queue.Queue(), queue.Queue(MAX_LINES), 0
        if IN_TERMINAL:
            threading.Thread(target=self.write_lines, daemon=True).start()

    # -- answers: a server can't keep a million of them for us

    def sent(self):
        """Notes that a line was sent. Waits while too many are not answered yet."""
        with self.changed:
            self.ahead += 1
            if self.answers_come and not KEYBOARD:
                self.wait_until_ahead(MAX_AHEAD)

    def answered(self):
        """Notes that a message has come."""
        with self.changed:
            self.ahead -= 1
            self.changed.notify_all()

    def wait_for_answers(self):
        """Waits for the answers under way, unless somebody sits at the keyboard."""
        with self.changed:
            if self.answers_come and not KEYBOARD:
                self.wait_until_ahead(0)

    def wait_until_ahead(self, lines):
        """Waits until so few answers are missing. A server that gives none isn't waited for."""
        while self.ahead > lines and self.answers_come:
            self.answers_come = self.changed.wait(QUIET_TIME)

    # -- output

    def write_out(self, message):
        """Writes a message, and a line end after text. In a terminal it never waits.

        message: str, or bytes, which stay as they are: a line end would spoil a picture.
        """
        data = message if isinstance(message, bytes) else f"{message}\n".encode()
        if not IN_TERMINAL:
            self.write_now(data)
            return
        try:
            self.screen.put_nowait(data)
        except queue.Full:
            with self.changed:
                self.left_out += 1

    def write_now(self, data):
        """Writes all of data (bytes) to standard output; if that is over, the talk is over."""
        try:
            while data:
                data = data[os.write(sys.stdout.fileno(), data) :]
        except OSError as error:
            # In `client.py | head -1` the reader has seen enough and left: nothing is wrong.
            left = isinstance(error, BrokenPipeError) or os.name == "nt"
            self.end(None if left else f"The output can't be written: {error.strerror}.")

    def write_lines(self):
        """The terminal's thread: Ctrl-S, or a click into a console of Windows, stops only this."""
        while True:
            waiting = self.screen.get()
            if isinstance(waiting, threading.Event):
                waiting.set()
            else:
                show(waiting)
            with self.changed:
                left_out = self.left_out if self.screen.empty() else 0
                self.left_out -= left_out
            if left_out:
                show(f"… {left_out} messages left out: the terminal stood still.\n".encode())

    def finish_output(self):
        """Waits until the terminal has all, but not for ever: it may stand still."""
        if IN_TERMINAL:
            written = threading.Event()
            with contextlib.suppress(queue.Full):
                self.screen.put(written, timeout=1)
                written.wait(1)

    # -- the end

    def end(self, words):
        """Notes that it is over. words: what went wrong (str), or None."""
        self.endings.put(words)

    def wait_for_end(self, listener):
        """Returns the first words given to end(), or that the connection was lost.

        listener: the thread that receives. Windows notices Ctrl-C only between two waits.
        """
        while True:
            receiving = listener.is_alive()
            with contextlib.suppress(queue.Empty):
                return self.endings.get(timeout=0.5)
            if not receiving:
                return "The connection to the server was lost."


def has_input():
    """Tells whether there is something to read: a keyboard, a pipe or a file.

    With nothing (/dev/null, a job in the background) the client only listens.
    """
    if sys.stdin is None:
        return False
    return KEYBOARD or not stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode)


def lines():
    """Yields each line of standard input as str, without its end."""
    # A file object of its own: at the end of the program nobody may hold the lock of sys.stdin.
    with open(sys.stdin.fileno(), "rb", closefd=False) as source:
        for line in source:
            yield line.rstrip(b"\r\n").decode("utf-8", "replace")


def close(connection, listener):
    """Ends the connection with the closing handshake (RFC 6455, section 7.1.2).

    connection: the package's WebSocket; listener: the thread that receives, it ends with the
    server's close frame. A server that sends none is waited for CLOSE_TIME.
    """
    # This has a thread of its own, because it waits when the server has stopped reading.
    threading.Thread(target=connection.send_close, daemon=True).start()
    listener.join(CLOSE_TIME)
    connection.shutdown()


def said_goodbye():
    """Says that Ctrl-D was seen, if somebody sits at the keyboard. Returns the words for end()."""
    if KEYBOARD:
        print("Disconnected.", file=sys.stderr)


def decode(opcode, data):
    """Returns a text message as str and a binary one as bytes."""
    return data.decode("utf-8", "replace") if opcode == ABNF.OPCODE_TEXT else data


def closing_words(data):
    """Returns what a close frame says (RFC 6455, section 5.5.1): its code and its reason."""
    code, reason = int.from_bytes(data[:2], "big") or 1005, data[2:].decode("utf-8", "replace")
    return f"The server closed the connection ({code}). {shorten(reason)}".rstrip()


def shorten(message):
    """Returns a message (str or bytes) as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 500 else f"{message[:500]}… ({len(message)} characters)"
    # Characters that would move the cursor or begin a new line are shown as \n and the like;
    # the one that joins emoji is harmless.
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def show(data):
    """Writes bytes to the terminal, without Python's buffer: its lock would be held at the end."""
    raw = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    with contextlib.suppress(OSError):
        while data:
            data = data[raw.write(data) :]


def run(main, talk):
    """Runs the lesson. Ctrl-C is the usual way to end it, and no failure."""
    usual_hook = threading.excepthook

    def hook(problem):
        # The traceback of a bug is shown. That the connection is lost, main() tells.
        if not issubclass(problem.exc_type, LOST):
            usual_hook(problem)

    threading.excepthook = hook
    try:
        try:
            main()
        finally:
            talk.finish_output()
    except KeyboardInterrupt:
        print("Disconnected.", file=sys.stderr)
