"""The command-line client as a process: in a pipe, and how it ends in a terminal."""

import os
import re
import subprocess

from course import ROOT, changes, program

CLIENT = ROOT / "ws_client_example" / "client.py"
END = b"\r\n\r\n"
HTTP, WS = "http_ws_server_example", "ws_server_example"


def client(url, **settings):
    """The command that runs client.py, with other values for the settings of client_help.py."""
    return program(CLIENT, url, before=changes("client_help", settings))


def pipe(command, data=b"", **options):
    """Runs a command with data in its standard input; returns exit code, output, errors."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, input=data, capture_output=True, **options)
    output = done.stdout.replace(os.linesep.encode(), b"\n")
    errors = done.stderr.decode().replace(os.linesep, "\n")
    assert "Traceback" not in errors and "Warning" not in errors, errors
    return done.returncode, output, errors


def ends(child):
    """Waits for the end of a program in a terminal; returns what it still said, and its code."""
    import pexpect  # not on Windows

    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in child.before, child.before
    return child.before.replace("^C", "").replace("^D\b\b", "").strip(), child.exitstatus


def assert_no_connection(url, advice, environment=None, **settings):
    """Runs the client; it has to end with one sentence: why it does not get to this address."""
    status, output, errors = pipe(client(url, **settings), env=environment)
    assert (status, output) == (1, b"")
    assert re.fullmatch(rf"No connection to {re.escape(url)}: {advice}\n", errors), errors
