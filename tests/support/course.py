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
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SERVERS = ["ws_server_example", "http_ws_server_example", "serial_to_ws_server"]
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
# The file of each lesson that its reader opens first, in the order of the course.
LESSON_FILES = {
    "http_ws_server_example": "server.py",
    "js_client": "script.js",
    "ws_server_example": "server.py",
    "p5js_client": "sketch.js",
    "serial_to_ws_server": "server.py",
    "arduino_websocket_client": "arduino_websocket_client.ino",
    "ws_client_example": "client.py",
}
LESSONS = sorted(page.parent for page in ROOT.glob("*/README.md") if page.parent != TESTS)


def need(program):
    """Returns the path of a program; skips the test without it, or fails it in CI."""
    return shutil.which(program) or missing(f"{program} is not on this computer")


def missing(reason):
    """Skips the test for this reason, or fails it in CI, where everything has to be there."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


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
    stdin: True to type into it with write(). For a server, .port, .url (ws://127.0.0.1:port)
    and .http (http://127.0.0.1:port) say where it is.
    """

    def __init__(self, command, cwd=ROOT, env=None, stdin=False):
        self.command = [str(word) for word in command]
        self.may_complain = False  # a test that provokes a traceback sets this
        self.port = (env or {}).get("PORT")
        self.url, self.http = f"ws://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}"
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
        self.changed, self.open_streams = threading.Condition(), 2
        for name, stream in (("output", self.process.stdout), ("errors", self.process.stderr)):
            threading.Thread(target=self.collect, args=(stream, name), daemon=True).start()

    def collect(self, stream, name):
        letters = codecs.getincrementaldecoder("utf-8")("replace")
        text = io.IncrementalNewlineDecoder(letters, translate=os.name == "nt")
        for data in iter(lambda: stream.read(65536), b""):
            with self.changed:
                setattr(self, name, getattr(self, name) + text.decode(data))
                self.changed.notify_all()
        with self.changed:
            self.open_streams -= 1
            self.changed.notify_all()

    def expect(self, pattern):
        """Waits until the output, from where the last expect() ended, matches; returns the match.

        Fails the test after PATIENCE or when the program ends before.
        """

        def found():
            return re.compile(pattern, re.M).search(self.output, self.seen)

        with self.changed:
            self.changed.wait_for(lambda: not self.open_streams or found(), PATIENCE)
            if not found():
                pytest.fail(
                    f"no {pattern!r} from {self.command}\n--- output\n{self.output}\n"
                    f"--- errors\n{self.errors}"
                )
            match, self.seen = found(), found().end()
        return match

    def write(self, text):
        """Types text into the program."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self):
        """Waits for the program's own end; returns its exit code."""
        self.process.wait(PATIENCE)
        with self.changed:
            self.changed.wait_for(lambda: not self.open_streams, PATIENCE)
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


def program(path, *words, before=""):
    """The command that runs a program of a lesson, after this code, which may change settings."""
    if not before:
        return python(path, *words)
    start = f"import runpy, sys; sys.path.insert(0, {str(Path(path).parent)!r})"
    end = f"runpy.run_path({str(path)!r}, run_name='__main__')"
    return python("-c", f"{start}; sys.argv[0] = {str(path)!r}\n{before}\n{end}", *words)


def changes(module, settings):
    """The code that gives settings at the top of a module other values."""
    lines = [f"{module}.{name} = {value!r}" for name, value in (settings or {}).items()]
    return "\n".join([f"import {module}", *lines]) if settings else ""


def serve(
    folder="ws_server_example", *words, run=Program, settings=None, port=None, cwd=None, **env
):
    """Starts the server of a lesson; returns its Program when it listens.

    settings are other values for the settings at the top of sturdy_websocket.py.
    """
    before = changes("sturdy_websocket", settings)
    command = program("server.py", *(words or USUAL_WORDS.get(folder, [])), before=before)
    server = run(command, cwd=cwd or ROOT / folder, env={**env, "PORT": port or free_port()})
    server.expect("Ctrl-C")
    return server


# What may stand in a file: a text, which is kept (a // in "ws://" is no comment), or a comment.
TEXT = r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
COMMENT = {".py": r"#[^\n]*", "others": r"//[^\n]*|/\*.*?\*/"}
DOCSTRING = r'^ *""".*?"""$'


def code_lines(text, suffix):
    """Returns the lines of code in a text that comes from a file with this suffix."""
    comment = COMMENT.get(suffix, COMMENT["others"])
    pattern = re.compile(f"{DOCSTRING}|{TEXT}|{comment}", re.M | re.S)
    text = pattern.sub(lambda found: found[1] or "", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]
