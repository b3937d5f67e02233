"""What the tests share: where the course is, and the programs in it as processes."""

import codecs
import contextlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
IN_CI = os.environ.get("CI") == "true"
SERVERS = ["ws_server_example", "http_ws_server_example", "serial_to_ws_server"]
# What stands beside each server, with the same bytes.
DEEP_FILES = ["sturdy_websocket.py"]
# Seconds for what should happen at once, on a very busy machine.
PATIENCE = int(os.environ.get("PATIENCE", "30"))
# What is typed after server.py, if it isn't nothing.
USUAL_WORDS = {"serial_to_ws_server": ["demo"]}
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals or numbers")
# Windows has no signals either: somebody in the program's own console presses Ctrl-C.
PRESS_CTRL_C = """
import ctypes, sys
windows = ctypes.windll.kernel32
windows.FreeConsole()
windows.AttachConsole(int(sys.argv[1]))
windows.SetConsoleCtrlHandler(None, True)  # not for this one
windows.GenerateConsoleCtrlEvent(0, 0)
"""
# The lessons.
FOLDERS = sorted(
    folder
    for folder in ROOT.iterdir()
    if folder.is_dir() and folder != TESTS and not folder.name.startswith((".", "__"))
)


def need(program, *other_names):
    """Returns the path of a program; skips the test without it, or fails it in CI."""
    for name in (program, *other_names):
        if shutil.which(name):
            return shutil.which(name)
    missing(f"{program} is not on this computer")


def missing(reason):
    """Skips the test for this reason, or fails it in CI, where everything has to be there."""
    (pytest.fail if IN_CI else pytest.skip)(reason)


def free_port(given=set()):  # noqa: B006
    """Returns a port that nobody listens on, below the range that clients get theirs from.

    Of the processes that run tests side by side, each has ports of its own.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    first = (20000 + os.getpid() * 7 % 9000) // workers * workers + own
    for port in range(first, 32700, workers):
        with contextlib.suppress(OSError), socket.socket() as probe:
            if port not in given:
                probe.bind(("0.0.0.0", port))
                given.add(port)
                return port
    raise RuntimeError("no free port")


class Program:
    """A program of the course as a process; its output is collected as it comes.

    command: list of words; cwd: folder; env: what to add to the environment;
    stdin: True to type into it with write().
    """

    def __init__(self, command, cwd=ROOT, env=None, stdin=False):
        self.command = [str(word) for word in command]
        self.may_complain = False  # a test that provokes a traceback sets this
        self.port = None
        clean = {**os.environ, **{name: str(value) for name, value in (env or {}).items()}}
        for name in {"PORT", "PYTHONPATH"} - set(env or {}):
            clean.pop(name, None)
        if os.name == "nt":  # into a pipe, Python writes in some old encoding there
            clean["PYTHONIOENCODING"] = "utf-8"
        self.process = subprocess.Popen(
            self.command,
            cwd=str(cwd),
            env=clean,
            bufsize=0,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.output, self.errors = "", ""
        self.seen = 0  # how far expect() has read
        self.changed = threading.Condition()
        self.readers = [
            threading.Thread(target=self.collect, args=(stream, name), daemon=True)
            for stream, name in ((self.process.stdout, "output"), (self.process.stderr, "errors"))
        ]
        for reader in self.readers:
            reader.start()

    def collect(self, stream, name):
        letters = codecs.getincrementaldecoder("utf-8")("replace")
        text = io.IncrementalNewlineDecoder(letters, translate=os.name == "nt")
        for data in iter(lambda: stream.read(65536), b""):
            with self.changed:
                setattr(self, name, getattr(self, name) + text.decode(data))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def expect(self, pattern, timeout=PATIENCE):
        """Waits until the output, from where the last expect() ended, matches; returns the match.

        Fails the test after timeout seconds or when the program ends before.
        """
        found = self.find(pattern, "output", self.seen, timeout)
        self.seen = found.end()
        return found

    def expect_error(self, pattern):
        """Like expect(), for what the program writes to standard error, from its beginning."""
        return self.find(pattern, "errors", 0, PATIENCE)

    def find(self, pattern, name, start, timeout):
        end = time.monotonic() + timeout
        with self.changed:
            while not (found := re.compile(pattern, re.M).search(getattr(self, name), start)):
                over = not any(reader.is_alive() for reader in self.readers)
                if over or time.monotonic() > end:
                    pytest.fail(
                        f"no {pattern!r} from {self.command}\n--- output\n{self.output}\n"
                        f"--- errors\n{self.errors}"
                    )
                self.changed.wait(0.2)
        return found

    def write(self, text):
        """Types text into the program."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, timeout=PATIENCE):
        """Waits for the program's own end; returns its exit code."""
        self.process.wait(timeout)
        for reader in self.readers:
            reader.join(timeout)
        return self.process.returncode

    def stop(self, number=signal.SIGINT):
        """Presses Ctrl-C (or sends another signal); returns the exit code."""
        if self.process.poll() is None:
            if os.name == "nt":
                press = [sys.executable, "-c", PRESS_CTRL_C, str(self.process.pid)]
                subprocess.run(press, check=True)
            else:
                self.process.send_signal(number)
        return self.wait()

    def kill(self):
        """Ends the program without asking it."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def python(*words):
    """The command that runs Python with these words, strict about warnings and unclosed sockets."""
    return [sys.executable, "-X", "dev", "-W", "error", *words]


def server_command(*args, settings=None):
    """The command that runs ./server.py, with other settings in sturdy_websocket.py."""
    if not settings:
        return python("server.py", *args)
    changes = "".join(f"sturdy_websocket.{name} = {value!r}; " for name, value in settings.items())
    return python(
        "-c",
        f"import sys; sys.path.insert(0, ''); import sturdy_websocket; {changes}"
        "import server; server.main()",
        *args,
    )
