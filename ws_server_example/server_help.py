"""
Everyday help for the servers: ports and addresses, and a terminal that nobody waits for

You can skip this file: the lesson is in server.py. The same bytes stand in all three server
folders. From top to bottom:

  Terminal        what is printed: nobody waits for a terminal that stands still
  Starting        ports, addresses, and what to say about them
"""

import atexit
import contextlib
import errno
import ipaddress
import itertools
import operator
import os
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

# ---- Terminal ------------------------------------------------------------------------------

MAX_PRINTED = 1024 * 1024  # characters that wait for a terminal before lines are left out
COST = 100  # characters that a waiting line costs besides its own


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
                Terminal.waiting += len(line) + COST
                self.lines.append((self, line))
                self.changed.notify_all()

    def write_now(self, text):
        """Writes without Python's buffer, whose lock nobody may hold when the program ends."""
        raw = getattr(self.stream.buffer, "raw", self.stream.buffer)
        data = text.replace("\n", os.linesep).encode(self.stream.encoding, "backslashreplace")
        with contextlib.suppress(OSError, ValueError):  # gone, full or closed
            while data:
                written = raw.write(data)
                if written is None:  # the other end made this pipe one that does not wait
                    time.sleep(0.05)
                data = data[written or 0 :]

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
        """Puts itself instead of sys.stdout and sys.stderr; at the end all is written."""
        if not all(hasattr(each, "buffer") for each in (sys.stdout, sys.stderr)):
            return  # as in IDLE: that is no terminal
        sys.stdout, sys.stderr = cls(sys.stdout), cls(sys.stderr)
        threading.Thread(target=cls.write_lines, daemon=True).start()
        atexit.register(cls.drain)

    @classmethod
    def drain(cls):
        """Waits until all is written, but not for ever: the terminal may stand still."""
        sys.stdout.flush()
        with cls.changed:
            cls.changed.wait_for(lambda: not (cls.lines or cls.busy), timeout=2)
            cls.over = True


# As soon as this file is imported, nobody who prints waits for a terminal that stands still.
Terminal.take_over()


# ---- Starting ------------------------------------------------------------------------------

OTHER_PORT = """\
  macOS, Linux:            PORT=8081 python server.py
  Windows PowerShell:      $env:PORT=8081; python server.py
  Windows Command Prompt:  set PORT=8081& python server.py"""
# Browsers connect to none of these: other protocols live there (Fetch standard, "bad port").
NOT_FOR_BROWSERS = [1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000,
                    6566, *range(6665, 6670), 6679, 6697, 10080]  # fmt: skip


def is_local(origin):
    """Tells whether a page comes from this computer or its network. origin: "http://10.0.0.2".

    Only addresses count as local, not names that lead to them: anybody can register a name for
    127.0.0.1.
    """
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


def port_from_environment(default):
    """Returns the PORT that was set in the terminal, or else default, as a number."""
    return port_number(os.environ.get("PORT", default))


def port_number(port):
    """Returns the port as a number; ends the program with a sentence if it is none."""
    text = str(port).strip()
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"PORT is {port!r}, but a port is a number from 1024 to 65535, 8081 for example.")
    if int(text) in NOT_FOR_BROWSERS:
        sys.exit(f"Browsers connect to no server on port {text}. Choose another, 8081 for example.")
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


def allow_many_files(wanted):
    """Raises this process's limit of open files: a client is one, and macOS allows 256."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows, where there is no such limit

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
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
    port, here, lan = server.port, "localhost", lan_address()
    if server.host in ("localhost", "127.0.0.1", "::1"):
        lan = None
    elif server.host not in ("::", "", "0.0.0.0"):
        # One address of this computer, and only that one.
        here = lan = f"[{server.host}]" if ":" in server.host else server.host
    print("WebSocket server is running, Ctrl-C stops it.")
    print(f"  this computer:  http://{here}:{port}/  ws://{here}:{port}/")
    if lan:
        print(f"  other devices:  http://{lan}:{port}/  ws://{lan}:{port}/")
        print(f'  Arduino:        #define SECRET_SERVER "{lan}"')
        print(f"                  #define SECRET_PORT {port}")
    else:
        print("  other devices:  can't reach it, there is no network or HOST keeps them out")
