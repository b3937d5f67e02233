"""What a lesson may do: raise an error, close a client, ask for its path, call every method."""

import re

import pytest
from course import ROOT, python
from wire import BINARY, CLOSE, PONG, TEXT, Wire, is_idle, talk, wait_until

RAISES = """
def new_client(client, server):
    print("in", client["id"])
    if client["handler"].path == "/new":
        raise KeyError("new_client is wrong")

def client_left(client, server):
    print("left", client["id"], len(server.clients))
    if client["handler"].path == "/left":
        raise KeyError("client_left is wrong")

def fail(error):
    raise error

def message_received(client, server, message):
    server.send_message_to_all(str(eval(message)))
"""


@pytest.mark.parametrize(
    "path, message, error",
    [
        ("/", "hello", "NameError"),
        ("/", "sys.exit('enough')", "SystemExit: enough"),
        ("/", "fail(OSError(5, 'loose wire'))", "OSError.*loose wire"),
        ("/", "server.send_message(client, 512)", "TypeError.*str or bytes"),
        ("/new", None, "KeyError.*new_client is wrong"),
        ("/left", None, "KeyError.*client_left is wrong"),
    ],
)
def test_lesson_that_raises(lesson, join, path, message, error):
    """The traceback is printed, with the line of the lesson; that client gets 1011, no other."""
    server = lesson(RAISES)
    server.may_complain = True
    other = join(server)
    for number in (2, 3):
        with Wire(server.port, path=path) as client:
            if message:
                client.say(message)
            if path != "/left":
                assert client.ending() == 1011
        server.expect(f"left {number} 1")
        other.say(f"[{number}]")
        assert other.hear() == f"[{number}]"
    told = rf"Traceback(.*\n)+.*lesson\d+.py(.*\n)+.*{error}"
    wait_until(lambda: re.search(told, server.errors), "no traceback")
    other.close()
    is_idle(server)
    assert server.errors.count("Traceback") == 2


def test_path_and_headers_are_there_for_the_lesson(lesson, join):
    """Rooms by path are a few lines."""
    server = lesson("""
def message_received(client, server, message):
    room = client["handler"].path
    name = client["handler"].headers["X-Name"]
    for other in server.clients:
        if other["handler"].path == room:
            server.send_message(other, f"{name} in {room}: {message}")
""")
    red, blue = join(server, path="/red", X_Name="Ada"), join(server, path="/blue?a=b")
    blue.say("hello")
    assert blue.hear() == "None in /blue?a=b: hello"
    red.say("hi")
    assert red.hear() == "Ada in /red: hi"
    assert blue.sync() == []


EXECUTES = """
def message_received(client, server, message):
    exec(message)
    print("done")
"""


def test_the_other_methods_of_the_package(lesson, join):
    """What the package's documentation lists beside the callbacks works here as well."""
    server = lesson(EXECUTES)
    one = join(server)
    one.say("server.deny_new_connections(1013, b'later')")
    server.expect("done")
    with Wire(server.port) as late:
        assert late.ending() == 1013
    one.say("server.allow_new_connections()")
    server.expect("done")
    two = join(server)
    one.say("server.disconnect_clients_abruptly()")
    assert two.ending() == 1006


METHODS = """
def message_received(client, server, message):
    handler = client["handler"]
    handler.send_message("text")
    handler.send_message(b"bytes")
    handler.send_text("more text")
    handler.send_pong("pong")
    handler.send_close(4000, b"enough")
"""


def test_methods_of_the_handler(lesson, join):
    """The handler of the package can send by itself, and so can this one."""
    client = join(lesson(METHODS))
    client.say("go")
    answers = [client.read() for _ in range(5)]
    assert answers == [
        (TEXT, b"text"),
        (BINARY, b"bytes"),
        (TEXT, b"more text"),
        (PONG, b"pong"),
        (CLOSE, b"\x0f\xa0enough"),
    ]


@pytest.mark.parametrize(
    "arguments, said",
    [
        ('"127.0.0.1", 0, logging.INFO', "ready"),
        ("port=0, loglevel=logging.DEBUG", "ready"),
        ('port=0, key="key.pem", cert="cert.pem"', "HTTPS.md"),
    ],
)
def test_arguments_of_the_package(run, arguments, said):
    code = (
        "import sys, logging; sys.path.insert(0, ''); from sturdy_websocket import SturdyServer; "
        f"server = SturdyServer({arguments}); server.run_forever(threaded=True); "
        "server.shutdown_gracefully(); print('ready')"
    )
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    program.wait()
    assert said in program.output + program.errors


PRINTS = """
import subprocess

def message_received(client, server, message):
    print("no line end", end=" ")
    print("over", end="\\r")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "print('child')"])
    print("Name?", end=" ")
    server.send_message(client, "printed")
"""


def test_print_is_print(lesson, join):
    """Without a line end, with one of its own, and beside a child process."""
    server = lesson(PRINTS)
    client = join(server)
    client.say("go")
    assert client.hear() == "printed"
    server.expect("no line end over\rchild\n")
    client.close()
    server.expect("Name\\? left")


def test_terminal_that_is_gone(lesson, join):
    """Somebody starts the server over ssh, in the background, and closes the window."""
    server = lesson("""
def message_received(client, server, message):
    if message == "close":
        here, there = os.pipe()
        os.close(here)
        os.dup2(there, 1)
    server.send_message_to_all(message)
    print(message)
""")
    one, two = join(server), join(server)
    for message in ("close", "goes on"):
        one.say(message)
        assert one.hear() == two.hear() == message
    talk(two, one, join(server))
