"""
What can go wrong with a client in a terminal or a pipe

You can skip this file: the lesson is in client.py. These are the functions it uses:

  read_address, advice     the address typed after client.py, and what to say if it doesn't work
  in_terminal, has_input   where the client runs
  lines                    what someone types, or what comes through a pipe
  messages                 what the server says, until it closes the connection or is gone
  write, shorten           a message for a program, or for people
  say_goodbye, close       how this side ends the connection
  run                      runs the lesson and ends it cleanly
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
SILENCE = 40  # seconds without a byte: then the server is gone
QUIET_TIME = 5  # the same after our close frame: some servers never send theirs
# Nearby computers are reached directly, even if the internet is only reached through a proxy.
NEAR = ["localhost", ".local", "::1", "127.0.0.1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
# The exceptions that a lost connection raises.
LOST = (OSError, WebSocketException)

# What can go wrong with an address. The first kind of error that fits is the right one.
ADVICE = {
    ssl.SSLCertVerificationError: "its certificate can't be trusted ({0.verify_message}).",
    ssl.SSLError: "that server doesn't speak wss://. Try ws://.",
    websocket.WebSocketAddressException: "no computer has that name. Check it and your network.",
    websocket.WebSocketBadStatusException: "it sent HTTP {0.status_code}. Check the port and path.",
    (WebSocketException, UnicodeDecodeError, IndexError): "no WebSocket server answered ({0}).",
    OSError: "{0}. Is server.py running, and are the address and port right?",
    ValueError: "an address looks like ws://127.0.0.1:8080/ or wss://example.com/",
}
FAILURES = (*LOST, ValueError, IndexError)
# Set just before we send our close frame, after everything else.
goodbye_said = threading.Event()


def read_address(usual):
    """Returns the address that was typed after client.py, or the usual one.

    localhost:3000 becomes ws://localhost:3000. With --help, prints the header of client.py and
    ends the program. Also ends it, with a sentence, if there is more than one address.
    """
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(sys.modules["__main__"].__doc__.strip())
        sys.exit()
    if len(words) > 1:
        sys.exit("Type one address, with a colon before the port: client.py localhost:3000")
    address = words[0] if words else usual
    return address if "://" in address else f"ws://{address}"


def advice(error, url):
    """Returns a sentence (str) that says why there is no connection: error is one of FAILURES."""
    text = next(text for kind, text in ADVICE.items() if isinstance(error, kind))
    return f"No connection to {url}: {text.format(error)}"


def ping(connection):
    """Pings the server regularly, to find out whether it's there (RFC 6455, section 5.5.2)."""
    with contextlib.suppress(*LOST):
        while not goodbye_said.wait(PING_EVERY):
            connection.ping()


# ---- Where the client runs -----------------------------------------------------------------


def is_keyboard():
    """Returns whether someone can type. On Windows, NUL also claims to be a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    # In an editor such as IDLE or Thonny, sys.stdin is a different kind of object.
    doubtful = os.name == "nt" and isinstance(sys.stdin, io.TextIOWrapper)
    return not doubtful or "Console" in type(sys.stdin.buffer.raw).__name__


def in_terminal():
    """Returns whether a person types and reads. If not, other programs do, through pipes."""
    return is_keyboard() and sys.stdout is not None and sys.stdout.isatty()


def has_input():
    """Returns whether there is something to read: a keyboard, a pipe, or a file.

    With nothing to read (/dev/null, on Windows NUL), the client only listens.
    """
    return is_keyboard() or (sys.stdin is not None and not stat.S_ISCHR(os.fstat(0).st_mode))


# ---- Speaking ------------------------------------------------------------------------------


def lines():
    """Yields each line of standard input as str, without the line break."""
    source = sys.stdin
    # Use a separate file object: when the program ends, no thread may hold the lock of sys.stdin.
    # In an editor such as IDLE or Thonny, sys.stdin is something else and has no such lock.
    if isinstance(sys.stdin, io.TextIOWrapper):
        source = open(0, encoding="utf-8", errors="replace", newline="\n", closefd=False)  # noqa: SIM115
    for line in source:
        yield line.rstrip("\r\n")


def say_goodbye(connection):
    """Sends our close frame, after everything else (RFC 6455, section 7.1.2)."""
    goodbye_said.set()
    connection.send_close()


# ---- Listening -----------------------------------------------------------------------------


def messages(connection):
    """Yields each message, until the server's close frame: text as str, binary data as bytes.

    Also stops if the server stays silent after our close frame. Ends the program with a sentence
    if the server closes first, or gives a reason of its own. Raises one of LOST if it's gone.
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
    """Waits until the server says something. Returns False if it's silent for too long.

    Waits half a second at a time: on Windows, Ctrl-C can't interrupt a wait for the network.
    """
    patience = SILENCE
    while patience > 0:
        decrypted = isinstance(sock, ssl.SSLSocket) and sock.pending()
        if decrypted or select.select([sock], [], [], 0.5)[0]:
            return True
        patience = min(patience - 0.5, QUIET_TIME if goodbye_said.is_set() else SILENCE)
    return False


def shorten(message):
    """Returns a message (str or bytes) as one short line, to keep the terminal readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 500 else f"{message[:500]}… ({len(message)} characters)"
    # Characters that would move the cursor or start a new line are shown as \n and so on. The
    # character that joins emoji is harmless.
    return line if line.replace("\u200d", "").isprintable() else repr(line)


def write(message):
    """Writes a message for another program: text as a line, bytes as they are."""
    try:
        sys.stdout.buffer.write(message if isinstance(message, bytes) else f"{message}\n".encode())
        sys.stdout.flush()
    except OSError as error:
        # Throw away what is left in Python's buffer, or writing would fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # In `client.py | head -1`, the reader has seen enough and left. That's no error.
        left = isinstance(error, BrokenPipeError) or os.name == "nt"
        sys.exit(None if left else f"Can't write the output: {error.strerror}.")


# ---- The end -------------------------------------------------------------------------------


def close(connection):
    """Ends the connection politely, if there still is one. Doesn't wait for a frozen server."""
    # In a thread, because sending can hang when the server has stopped reading.
    closer = threading.Thread(target=connection.close, daemon=True)
    closer.start()
    closer.join(3)
    connection.shutdown()


def run(main):
    """Runs the lesson. Ctrl-C and Ctrl-D are the usual ways to end it, so they aren't errors."""
    # A notebook has its own kind of output, and pythonw has none.
    if not (in_terminal() or hasattr(sys.stdout, "buffer")):
        sys.exit("client.py doesn't work here. Run it in a terminal.")
    # PyCharm and Git Bash run programs in pipes. IDLE shows nothing while it waits for a line.
    piped = not is_keyboard() and os.environ.keys() & {"PYCHARM_HOSTED", "MSYSTEM"}
    if piped or "idlelib" in sys.modules:
        sys.stderr.write("This window isn't a real terminal. To chat, run client.py in one.\n")
    # The package reads from this variable which computers it reaches without a proxy. Its option
    # http_no_proxy works only together with an option that names the proxy.
    os.environ["no_proxy"] = ",".join([os.environ.get("no_proxy", ""), *NEAR])
    try:
        main()
        if is_keyboard():
            print("Disconnected.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Disconnected.", file=sys.stderr)
    except LOST:
        sys.exit("The connection to the server was lost.")
