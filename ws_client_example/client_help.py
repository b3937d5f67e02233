"""
What goes wrong with a client in a terminal or a pipe

You can skip this file: the lesson is in client.py, which takes from here:

  read_address, advice     what was typed after client.py, and a sentence if it leads nowhere
  in_terminal, has_input   where the client runs
  lines                    what is typed, or comes through a pipe
  messages                 what the server says, until it closes or is gone
  write, shorten           a message for a program, or for people
  say_goodbye, close       the end, from here
  run                      runs the lesson, and ends it tidily
"""

import contextlib
import io
import os
import select
import ssl
import stat
import sys
import threading

try:
    import websocket
    from websocket import ABNF, WebSocketException
except ImportError as error:
    sys.exit(
        f"{error}. Does your prompt begin with (.venv)? If not, activate the environment.\n"
        "If it does, type:\n  python -m pip install websocket-client --force-reinstall"
    )

PING_EVERY = 15  # seconds
SILENCE = 40  # seconds without a byte until the server counts as gone
QUIET_TIME = 5  # the same after our close frame, for servers that never send theirs
# Computers near by are reached directly, even where a proxy stands before the internet.
NEAR = ["localhost", ".local", "::1", "127.0.0.1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
# What a connection that is lost raises.
LOST = (OSError, WebSocketException)

# What may go wrong with an address. The first kind of error that fits is the right one.
ADVICE = {
    ssl.SSLCertVerificationError: "its certificate can't be trusted ({0.verify_message}).",
    ssl.SSLError: "that server doesn't speak wss://. Try ws://.",
    websocket.WebSocketAddressException: "no computer has that name. Check it and your network.",
    websocket.WebSocketBadStatusException: "it sent HTTP {0.status_code}. Check the port and path.",
    (WebSocketException, UnicodeDecodeError, IndexError): "that isn't a WebSocket server ({0}).",
    OSError: "{0}. Is server.py running, and are the address and port right?",
    ValueError: "an address looks like ws://127.0.0.1:8080/ or wss://example.com/",
}
FAILURES = (*LOST, ValueError, IndexError)
# Set when we have sent our close frame after everything else, or are about to.
goodbye_said = threading.Event()


def read_address(usual):
    """Returns the address that was typed after client.py, or the usual one.

    localhost:3000 becomes ws://localhost:3000. Ends the program after --help, with the header
    of client.py, and with a sentence if there is more than an address.
    """
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(sys.modules["__main__"].__doc__.strip())
        sys.exit()
    if len(words) > 1:
        sys.exit(f"One address is enough. Type: python client.py {words[0]}")
    address = words[0] if words else usual
    return address if "://" in address else f"ws://{address}"


def advice(error, url):
    """Returns what to do (str) about an error of FAILURES that came instead of a connection."""
    text = next(text for kind, text in ADVICE.items() if isinstance(error, kind))
    return f"No connection to {url}: {text.format(error)}"


def ping(connection):
    """Asks the server regularly whether it is there (RFC 6455, section 5.5.2)."""
    with contextlib.suppress(*LOST):
        while not goodbye_said.wait(PING_EVERY):
            connection.ping()


# ---- Where the client runs -----------------------------------------------------------------


def is_keyboard():
    """Tells whether somebody can type. On Windows, NUL claims to be a terminal too."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    # In an editor such as IDLE or Thonny, it is something else.
    doubtful = os.name == "nt" and isinstance(sys.stdin, io.TextIOWrapper)
    return not doubtful or "Console" in type(sys.stdin.buffer.raw).__name__


def in_terminal():
    """Tells whether somebody types and reads. If not, other programs do, through pipes."""
    return is_keyboard() and sys.stdout.isatty()


def has_input():
    """Tells whether there is something to read: a keyboard, a pipe or a file.

    With nothing (/dev/null, NUL, a job in the background) the client only listens.
    """
    if sys.stdin is None or is_keyboard():
        return sys.stdin is not None
    return not stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode)


# ---- Speaking ------------------------------------------------------------------------------


def lines():
    """Yields each line of standard input as str, without its end."""
    source = sys.stdin
    # A file object of its own: at the end of the program nobody may hold the lock of sys.stdin.
    # The one of an editor such as IDLE or Thonny is something else, and has no such lock.
    if isinstance(sys.stdin, io.TextIOWrapper):
        settings = {"encoding": "utf-8", "errors": "replace", "newline": "\n", "closefd": False}
        source = open(sys.stdin.fileno(), **settings)  # noqa: SIM115
    for line in source:
        yield line.rstrip("\r\n")


def say_goodbye(connection):
    """Sends our close frame, after everything else (RFC 6455, section 7.1.2)."""
    goodbye_said.set()
    connection.send_close()


# ---- Listening -----------------------------------------------------------------------------


def messages(connection):
    """Yields each message, until the server's close frame: text as str, binary data as bytes.

    A server that stays silent after ours has said everything.
    Ends the program with a sentence if the server closes first, or for a reason of its own.
    Raises one of LOST if the server is gone.
    """
    while has_data(connection.sock):
        opcode, data = connection.recv_data(control_frame=True)
        if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
            yield data.decode("utf-8", "replace") if opcode == ABNF.OPCODE_TEXT else data
        elif opcode == ABNF.OPCODE_CLOSE:
            # A close frame holds a code and a reason (RFC 6455, section 5.5.1).
            code = int.from_bytes(data[:2], "big") or 1005
            if not goodbye_said.is_set() or code != 1000:
                reason = shorten(data[2:].decode("utf-8", "replace")) or "no reason given"
                sys.exit(f"The server closed the connection ({code}): {reason}")
            return
    if not goodbye_said.is_set():
        raise OSError("the server is gone")


def has_data(sock):
    """Waits until the server says something. Returns False if it is silent for too long.

    Half a second at a time, because on Windows Ctrl-C interrupts no waiting for the network.
    """
    patience = SILENCE
    while patience > 0:
        decrypted = isinstance(sock, ssl.SSLSocket) and sock.pending()
        if decrypted or select.select([sock], [], [], 0.5)[0]:
            return True
        patience = min(patience - 0.5, QUIET_TIME if goodbye_said.is_set() else SILENCE)
    return False


def shorten(message):
    """Returns a message (str or bytes) as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 500 else f"{message[:500]}… ({len(message)} characters)"
    # Characters that would move the cursor or start a new line are shown as \n and the like; the
    # one that joins emoji is harmless.
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def write(message):
    """Writes a message for another program: text as a line, bytes as they are."""
    try:
        sys.stdout.buffer.write(message if isinstance(message, bytes) else f"{message}\n".encode())
        sys.stdout.flush()
    except OSError as error:
        # What is left in Python's buffer goes nowhere, or it would fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # In `client.py | head -1` the reader has seen enough and left: nothing is wrong.
        left = isinstance(error, BrokenPipeError) or os.name == "nt"
        sys.exit(None if left else f"Can't write the output: {error.strerror}.")


# ---- The end -------------------------------------------------------------------------------


def close(connection):
    """Ends the connection politely, if it still stands. A frozen server isn't waited for long."""
    # In a thread, because sending waits when the server has stopped reading.
    closer = threading.Thread(target=connection.close, daemon=True)
    closer.start()
    closer.join(3)
    connection.shutdown()


def run(main):
    """Runs the lesson. Ctrl-C and Ctrl-D are the usual ways to end it, and no failure."""
    if sys.stdout is None:
        sys.exit("client.py has nowhere to print what the server says. Run it in a terminal.")
    # The package asks this variable which computers are reached without a proxy; its option
    # http_no_proxy does nothing unless the proxy is an option too.
    os.environ["no_proxy"] = ",".join([os.environ.get("no_proxy", ""), *NEAR])
    try:
        main()
        if is_keyboard():
            print("Disconnected.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Disconnected.", file=sys.stderr)
    except LOST:
        sys.exit("The connection to the server was lost.")
