"""
WebSocket client

Sends what you type to a WebSocket server, and prints what the server says.
In a pipe it is a filter: lines come in and are sent, messages go out, one a line.

Run it with:     python client.py
Another server:  python client.py ws://192.168.1.23:3000/
You should see:  Server said: "127.0.0.1: Hello"     (from ../ws_server_example)

Needs:           python -m pip install websocket-client

After Tom Igoe's wsClient.js in websocket-examples (MIT)
"""

import os
import queue
import ssl
import stat
import sys
import threading
from contextlib import suppress

try:
    import websocket
    from websocket import ABNF, WebSocketException
except ImportError as error:
    sys.exit(
        f"{error}\nThis lesson needs the package websocket-client. Type:\n"
        "  python -m pip install websocket-client --force-reinstall"
    )

URL = "ws://127.0.0.1:8080/"
CONNECT_TIME = 10  # seconds for the server to let us in
QUIET_TIME = 5  # seconds of silence after which no more answers are expected
MAX_AHEAD = 200  # lines that may be sent before the answer to the first is here
CLOSE_TIME = 3  # seconds for the server to say goodbye too
# Computers near by are reached directly, even where a proxy stands before the internet.
NEAR = "localhost,.local,::1,127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16"

# In a terminal somebody reads; otherwise another program does, and wants the bare messages.
KEYBOARD = sys.stdin is not None and sys.stdin.isatty()
IN_TERMINAL = KEYBOARD and sys.stdout.isatty()

answers = threading.Semaphore(0)  # counts the messages that have come
endings = queue.Queue()  # why it is over: what went wrong, or None


def message_received(message):
    """Called with every message: text is a str, binary data is bytes."""
    if IN_TERMINAL:
        return print("Server said:", shorten(message), flush=True)
    # Binary data stays as it came: a new line behind it would spoil a picture.
    rest = message if isinstance(message, bytes) else f"{message}\n".encode()
    try:
        while rest:
            rest = rest[os.write(sys.stdout.fileno(), rest) :]
    except OSError as error:
        # In `client.py | head -1` the reader has seen enough and left: nothing is wrong.
        left = isinstance(error, BrokenPipeError) or os.name == "nt"
        endings.put(None if left else f"The output can't be written: {error.strerror}.")


def listen(connection):
    """Receives until the connection ends. The package answers pings on the way."""
    ending = "The connection to the server was lost."
    try:
        opcode, data = connection.recv_data()
        while opcode != ABNF.OPCODE_CLOSE:
            text = opcode == ABNF.OPCODE_TEXT
            message_received(data.decode("utf-8", "replace") if text else data)
            answers.release()
            opcode, data = connection.recv_data()
        code, reason = int.from_bytes(data[:2], "big") or 1005, data[2:].decode("utf-8", "replace")
        ending = f"The server closed the connection ({code}). {shorten(reason)}".rstrip()
    finally:
        endings.put(ending)


def speak(connection):
    """Sends Hello in a terminal, then every line that is typed or comes through the pipe."""
    expected = 0  # answers that are still to come, if the server answers every line
    if IN_TERMINAL:
        connection.send("Hello")
    with open(sys.stdin.fileno(), "rb", closefd=False) as lines:
        for line in lines:
            connection.send(line.rstrip(b"\r\n").decode("utf-8", "replace"))
            expected += 1
            # A server can't keep a million answers for us. One that gives none is not waited for.
            if expected > MAX_AHEAD:
                expected = expected - 1 if answers.acquire(timeout=QUIET_TIME) else -float("inf")
    if KEYBOARD:
        print("Disconnected.", file=sys.stderr)
    while not KEYBOARD and expected > 0 and answers.acquire(timeout=QUIET_TIME):
        expected -= 1
    endings.put(None)


def main():
    url = (sys.argv[1:] or [URL])[0]
    connection = connect(url)
    if IN_TERMINAL:
        print(f"Connected to {url}. Type a line and press Enter; Ctrl-C ends.")
    # One thread waits for the server and one for the keyboard: neither waits for the other.
    listener = start(listen, connection)
    # With nothing to read (/dev/null, a job in the background) it only listens.
    if KEYBOARD or sys.stdin and not stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode):
        start(speak, connection)
    try:
        while True:
            # Windows notices Ctrl-C only between two waits.
            with suppress(queue.Empty):
                sys.exit(endings.get(timeout=0.5))
    finally:
        # The server says goodbye too, and listen() ends. One that is frozen can't stop us.
        start(connection.send_close)
        listener.join(CLOSE_TIME)
        connection.shutdown()


ADVICE = {  # the first kind of error that fits
    ssl.SSLCertVerificationError: "its certificate can't be trusted ({0.verify_message}).",
    ssl.SSLError: "nobody speaks wss:// there. Try ws://.",
    websocket.WebSocketAddressException: "no computer has that name. Check it, and your network.",
    websocket.WebSocketBadStatusException: "it answers HTTP {0.status_code}. Check port and path.",
    WebSocketException: "that is no WebSocket server ({0}). Check the port.",
    OSError: "{0}. Is server.py running, and are address and port right?",
    UnicodeDecodeError: "that is no WebSocket server. Check the port.",
    IndexError: "that is no WebSocket server. Check the port.",
    ValueError: f"an address looks like {URL} or wss://example.com/",
}


def connect(url):
    """Returns the connection to the server at url, or ends the program with advice."""
    os.environ["no_proxy"] = NEAR + "," + os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    try:
        # The package's own check of the letters is slow; listen() replaces wrong ones instead.
        connection = websocket.create_connection(
            url, timeout=CONNECT_TIME, suppress_origin=True, skip_utf8_validation=True
        )
    except (OSError, ValueError, IndexError, WebSocketException) as error:
        text = next(text for kind, text in ADVICE.items() if isinstance(error, kind))
        sys.exit(f"No connection to {url}: {text.format(error)}")
    connection.settimeout(None)  # once connected, silence is no failure
    return connection


def start(function, *arguments):
    """Runs a function in a thread of its own, which ends when the connection does."""

    def run():
        with suppress(OSError, WebSocketException):
            function(*arguments)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def shorten(message):
    """Returns a message as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 500 else f"{message[:500]}… ({len(message)} characters)"
    # Signs that would move the cursor or begin a new line are shown as \n and the like.
    return line if line.isprintable() else repr(line)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("Disconnected.", file=sys.stderr)
