"""What a lesson may do: raise an error, close a client, ask for its path, call every method."""

import pytest
from course import ROOT, python
from wire import Wire, is_idle

RAISES = """
import json

def new_client(client, server):
    print("in", client["id"])
    if client["handler"].path == "/new":
        raise KeyError("new_client is wrong")

def client_left(client, server):
    print("left", client["id"], len(server.clients))
    if client["handler"].path == "/left":
        raise KeyError("client_left is wrong")

def message_received(client, server, message):
    if message == "number":
        server.send_message(client, 512)
    elif message == "exit":
        sys.exit("no more")
    else:
        server.send_message_to_all(str(json.loads(message)))
"""


@pytest.mark.parametrize(
    "path, message, error",
    [
        ("/", "hello", "JSONDecodeError"),
        ("/", "number", "TypeError.*send str"),
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
    server.expect_error(rf"Traceback(.*\n)+.*lesson\d+.py(.*\n)+.*{error}")
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


REMOTE = """
import sys
sys.path.insert(0, sys.argv[1])
from sturdy_websocket import SturdyServer

server = SturdyServer(host="127.0.0.1", port=0)
server.set_fn_message_received(lambda client, server, message: server.send_message(client, message))
server.run_forever(threaded=True)
print("port", server.port)
for line in sys.stdin:
    exec(line)
    print("done")
"""


def test_the_other_methods_of_the_package(run):
    """What the package's documentation lists beside the callbacks works here as well."""
    server = run(python("-c", REMOTE, ROOT / "ws_server_example"), stdin=True)
    port = int(server.expect(r"port (\d+)")[1])

    def do(call):
        server.write(f"server.{call}\n")
        server.expect("done")

    one = Wire(port)
    one.sync()
    do("deny_new_connections(1013, b'later')")
    with Wire(port) as late:
        assert late.ending() == 1013
    do("allow_new_connections()")
    two = Wire(port)
    two.say("in")
    assert two.hear() == "in"
    do("disconnect_clients_gracefully(4000, b'lunch')")
    assert one.ending() == two.ending() == 4000
    one.close(), two.close()
    three = Wire(port)
    three.sync()
    closed = Wire(port)
    closed.sync()
    do("clients[-1]['handler'].send_close()")
    assert closed.ending() == 1000
    closed.close()
    do("disconnect_clients_abruptly()")
    assert three.ending() == 1006
    four = Wire(port)
    four.sync()
    do("shutdown_gracefully()")
    assert four.ending() == 1000
    four.close()
    with pytest.raises(ConnectionRefusedError):
        Wire(port)
    server.process.stdin.close()
    assert server.wait() == 0
    assert server.errors == ""


def test_goodbye_to_one_who_is_gone(lesson, join):
    """Nothing of it is kept: there is nobody to be cut later."""
    server = lesson("""
gone = []

def client_left(client, server):
    gone.append(client["handler"])
    print("left", client["id"])

def message_received(client, server, message):
    with server.door:
        server.door.wait_for(lambda: gone[0] not in server.connections)
    gone[0].send_close()
    server.send_message(client, str(len(server.overdue_at)))
""")
    join(server).close()
    server.expect("left 1")
    other = join(server)
    other.say("?")
    assert other.hear() == "0"


def test_lesson_that_raises_without_a_terminal(lesson, join):
    """Windows's pythonw has no standard error: the client is told all the same."""
    server = lesson("""
def message_received(client, server, message):
    sys.stderr = None
    raise ValueError
""")
    client = join(server)
    client.say("?")
    assert client.ending() == 1011


@pytest.mark.parametrize(
    "address, shown", [("::ffff:10.0.0.5", "10.0.0.5"), ("2001:db8::ffff:1", "2001:db8::ffff:1")]
)
def test_address_of_a_client(run, address, shown):
    """IPv4 on a socket of IPv6 is shown as IPv4."""
    code = (
        "import sys, types; sys.path.insert(0, ''); import sturdy_websocket as s; "
        "server = s.SturdyServer(port=0); server.server_close(); "
        "server.set_fn_new_client(lambda client, server: print(client['address'])); "
        f"server._new_client_(types.SimpleNamespace(client_address=({address!r}, 5)))"
    )
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert program.output == f"({shown!r}, 5)\n"
