"""The servers as a student meets them: start, talk, leave, stop, and every wrong way to begin."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import websocket
from course import PATIENCE, ROOT, SERVERS, free_port, missing, python
from wire import Wire, echo_of, frame, gather, meanwhile, request, served

CHATS = ["ws_server_example", "http_ws_server_example"]
ARGUMENTS = {"serial_to_ws_server": ["demo"]}
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals or users")


# ---- starting ------------------------------------------------------------------------


@pytest.mark.parametrize("folder", SERVERS)
def test_start_lines(start_server, folder):
    """The ways in are printed, each ready to be clicked or pasted."""
    server = start_server(folder, *ARGUMENTS.get(folder, []))
    server.expect(r"SECRET_PORT \d+\n|other devices:  (?!http).*\n")
    port, (lan,) = server.port, set(re.findall(r'SECRET_SERVER "(.+)"', server.output)) or {None}
    lines = [
        "WebSocket server is running, Ctrl-C stops it.",
        f"  this computer:  http://localhost:{port}/  ws://localhost:{port}/",
    ]
    if lan:
        lines += [
            f"  other devices:  http://{lan}:{port}/  ws://{lan}:{port}/",
            f'  Arduino:        #define SECRET_SERVER "{lan}"',
            f"                  #define SECRET_PORT {port}",
        ]
    assert "\n".join(lines) + "\n" in server.output
    for forbidden in ("0.0.0.0", "[::]", "http://127."):
        assert forbidden not in server.output


def test_printed_lan_address_leads_to_the_server(start_server):
    server = start_server()
    found = server.expect(r'SECRET_SERVER "(.+)"|other devices:  (?!http)')
    if not found[1]:
        pytest.skip("this computer is on no network")
    with Wire(server.port, host=found[1]) as client:
        client.say("from outside")
        assert client.hear() == json.dumps(f"{found[1]}: from outside")


@pytest.mark.parametrize(
    "folder, port",
    [("ws_server_example", 8080), ("http_ws_server_example", 3000), ("serial_to_ws_server", 8080)],
)
def test_port_without_a_choice(run, folder, port):
    """Without PORT the lesson takes the number that its README names, or says that it is in use."""
    server = run(python("server.py", *ARGUMENTS.get(folder, [])), cwd=ROOT / folder)
    ending = rf"^Port {port} is in use|\A\Z"
    if server.process.poll() is None:
        for _ in range(PATIENCE * 10):
            if "Ctrl-C" in server.output or server.process.poll() is not None:
                break
            with server.changed:
                server.changed.wait(0.1)
    if "Ctrl-C" in server.output:
        server.expect(rf"localhost:{port}/ ")
    else:
        server.wait()
        assert re.search(ending, server.errors)


@pytest.mark.parametrize("start_in", ["root", "folder"])
@pytest.mark.parametrize("folder", CHATS)
def test_both_ways_to_start(run, folder, start_in):
    """`python folder/server.py` and `cd folder && python server.py` are the same."""
    command, cwd = (
        ("server.py", ROOT / folder) if start_in == "folder" else (f"{folder}/server.py", ROOT)
    )
    server = run(python(command), cwd=cwd, env={"PORT": (port := free_port())})
    server.expect("Ctrl-C")
    with Wire(port) as client:
        client.say("hello")
        assert client.hear() == echo_of(folder, "hello")
    if folder == "http_ws_server_example":
        with Wire(port, path=None) as page:
            page.send(request(Upgrade=None, Connection=None))
            assert page.read_head()[0] == 200


@pytest.mark.parametrize("folder", SERVERS)
def test_folder_copied_out_alone(start_server, tmp_path, folder):
    """A folder is all that a student has to take along."""
    shutil.copytree(
        ROOT / folder, tmp_path / "lesson", ignore=shutil.ignore_patterns("__pycache__")
    )
    server = start_server(folder, *ARGUMENTS.get(folder, []), cwd=tmp_path / "lesson")
    with Wire(server.port) as client:
        if folder in CHATS:
            client.say("hello")
        assert client.hear()
    if folder == "http_ws_server_example":
        with Wire(server.port, path=None) as page:
            page.send(request(Upgrade=None, Connection=None))
            assert page.read_head()[0] == 200


# ---- talking -------------------------------------------------------------------------


def test_ws_server_prints_and_sends_what_is_said(start_server, connect):
    """The `websockets` package and `websocket-client` talk to each other through the server."""
    server = start_server()
    one = connect(server.url)
    two = websocket.create_connection(server.url, timeout=PATIENCE, http_no_proxy=["*"])
    server.expect("New Connection(.*\n)+New Connection")
    one.send('He said "hello"\n')
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: He said \\"hello\\"\\n"'
    two.send("grüß dich 🙂")
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: grüß dich 🙂"'
    server.expect("^127.0.0.1: grüß dich 🙂$")
    one.close()
    two.close()
    server.expect("connection closed(.*\n)*connection closed")


def test_ws_server_tells_the_size_of_binary_data(start_server, connect):
    """A photo doesn't become 15 million characters for every page."""
    server = start_server()
    client = connect(server.url)
    client.send(bytes(10_000_000))
    assert json.loads(client.recv(PATIENCE)) == "127.0.0.1: (10000000 bytes)"
    server.expect(r"^127.0.0.1: \(10000000 bytes\)$")


@pytest.mark.parametrize(
    "message",
    [
        "text",
        "",
        "grüß dich 🙂",
        b"binary",
        b"",
        bytes(range(256)),
        "x" * 1_000_000,
        b"\xff\x00" * 500_000,
    ],
    ids=lambda message: f"{type(message).__name__}-{len(message)}",
)
def test_http_server_sends_everything_as_it_came(start_server, connect, message):
    """Text comes back as text, binary as binary, to the speaker and to the others."""
    server = start_server("http_ws_server_example")
    one, two = connect(server.url), connect(server.url)
    server.expect("New Connection(.*\n)+New Connection")
    one.send(message)
    assert one.recv(PATIENCE) == two.recv(PATIENCE) == message


@pytest.mark.parametrize("folder", CHATS)
def test_all_addresses_of_this_computer(start_server, folder):
    """ws://localhost, ws://127.0.0.1 and ws://[::1] all lead in; IPv4 addresses look like IPv4."""
    server = start_server(folder)
    hosts = ["localhost", "127.0.0.1"]
    try:
        Wire(server.port, path=None, host="::1").close()
        hosts.append("::1")
    except OSError:
        if os.path.exists("/proc/net/if_inet6"):
            raise
    for host in hosts:
        with Wire(server.port, host=host) as client:
            client.say("hello")
            assert client.hear()
        server.expect(f"^{'127.0.0.1' if host == 'localhost' else host}: hello$")
    assert "::ffff" not in server.output


# ---- the terminal --------------------------------------------------------------------


@pytest.mark.parametrize("folder", CHATS)
def test_terminal_stays_readable(start_server, folder):
    """A long message is cut, a binary one is its size, and no sign moves the cursor."""
    server = start_server(folder)
    with Wire(server.port) as client:
        client.say("short")
        server.expect("^127.0.0.1: short\n")
        client.say("x" * 100_000)
        line = server.expect("^127.0.0.1: x.*\n")[0]
        assert len(line) < 200 and "100000" in line
        client.say(b"\x00" * 3000)
        assert "3000 bytes" in server.expect("^127.0.0.1: .*\n")[0]
        client.say("one\ntwo\r\x1b[2J\x07\b\x9b\u2028\u202e")
        line = server.expect("^127.0.0.1: .*\n")[0]
        assert line.strip("\n").isprintable() and "one" in line and "two" in line
        client.say("last")
        server.expect("^127.0.0.1: last\n")


def test_lines_of_many_clients_do_not_mix(start_server):
    """Each client has its thread, and each thread prints whole lines."""
    server = start_server()
    clients = [Wire(server.port) for _ in range(10)]
    for _ in range(10):
        for client in clients:
            client.send(b"".join(frame(1, f"line {number}") for number in range(20)))
    for client in clients:
        client.sync()
        client.close()
    for _ in clients:
        server.expect("connection closed")
    assert server.stop() == 0
    lines = server.output.splitlines()
    assert set(lines[5 if "Arduino" in server.output else 3 :]) == {
        "New Connection",
        "connection closed",
        "Server stopped.",
        *(f"127.0.0.1: line {number}" for number in range(20)),
    }
    assert sum("line" in line for line in lines) == 2000


def test_terminal_that_can_not_show_a_sign(start_server):
    """A terminal without emoji does not stop the lesson."""
    server = start_server(PYTHONIOENCODING="ascii")
    with Wire(server.port) as client:
        client.say("grüß 🙂")
        assert client.hear() == '"127.0.0.1: grüß 🙂"'
        client.say("still here")
        assert client.hear() == '"127.0.0.1: still here"'
    server.expect("^127.0.0.1: still here\n")


# ---- leaving -------------------------------------------------------------------------


@pytest.mark.parametrize("folder", SERVERS)
def test_client_left_once_per_leaver(start_server, folder):
    """However a client goes it is noted once; who never came in is not noted at all."""
    server = start_server(folder, *ARGUMENTS.get(folder, []))
    Wire(server.port, path=None).close()  # says nothing
    Wire(server.port, Sec_WebSocket_Key="short").close()  # is refused
    Wire(server.port, Origin="https://example.com").close()  # is refused
    with Wire(server.port, path=None) as page:
        page.send(request(Upgrade=None, Connection="close"))
        page.is_at_end()
    leavers = [Wire(server.port) for _ in range(6)]
    leavers[0].send(frame(8, b"\x03\xe8"))
    assert leavers[0].ending() == 1000
    leavers[1].send(frame(8))
    assert leavers[1].ending() is None
    leavers[2].close()
    leavers[3].vanish()
    leavers[4].send(frame(1, "half")[:-2])
    leavers[4].close()
    leavers[5].send(b"\xff" * 100)
    assert leavers[5].ending() == 1002
    for _ in leavers:
        server.expect("connection closed")
    assert server.stop() == 0
    assert server.output.count("connection closed") == server.output.count("New Connection") == 6


CLIENT = """
import sys, websockets.sync.client
with websockets.sync.client.connect(sys.argv[1], proxy=None, compression=None) as client:
    print("in", flush=True)
    for message in client:
        pass
"""


@posix_only
def test_one_frozen_and_one_killed_among_ten(start_server, run):
    """2,000 messages of 1 KiB reach the other eight, in order, with nothing missing and no pause.

    The frozen one has not lost anything either, once it reads again.
    """
    server = start_server("http_ws_server_example")
    frozen = Wire(server.port, receive_buffer=4096)
    for attempt in range(4):
        victim = run(python("-c", CLIENT, server.url))
        victim.expect("in")
        others = [Wire(server.port) for _ in range(8)]
        for wire in others:
            wire.sync()
        messages = [f"{attempt} {number:1020}" for number in range(2000)]
        sent = [frame(1, message) for message in messages]
        expected = b"".join(map(served, messages))

        def speak(wire=others[0], sent=sent, victim=victim):
            wire.send(b"".join(sent[:1000]))
            victim.process.kill()
            wire.send(b"".join(sent[1000:]))

        with meanwhile(speak):
            received, longest = gather(others, len(expected))
        assert all(data == expected for data in received)
        server.expect("connection closed")
        thawed = gather([frozen], len(expected))[0][0]
        assert thawed == expected
        for wire in others:
            wire.close()
            server.expect("connection closed")
        # A busy machine may pause by itself, but not each time.
        if longest < 0.5:
            break
    else:
        pytest.fail(f"a pause of {longest:.2f} s")
    frozen.close()
    server.expect("connection closed")
    assert server.stop() == 0
    assert server.output.count("connection closed") == (attempt + 1) * 9 + 1


# ---- stopping ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("folder", SERVERS)
@posix_only
def test_stop(start_server, folder, number):
    """Everybody is told with 1001, one line is printed, the exit code is 0, the port is free."""
    server = start_server(folder, *ARGUMENTS.get(folder, []))
    silent = Wire(server.port, path=None)  # it never sends its request
    clients = [Wire(server.port) for _ in range(3)]
    for client in clients:
        client.sync()
    server.process.send_signal(number)
    assert [client.ending() for client in clients] == [1001] * 3
    for client in clients:
        client.close()
    assert server.wait() == 0
    if folder in CHATS:
        assert server.output.endswith("Server stopped.\n")
    assert server.output.count("Server stopped.") == 1
    assert server.errors == ""
    again = start_server(folder, *ARGUMENTS.get(folder, []), port=server.port)
    with Wire(again.port) as client:
        client.sync()
    silent.close()


@pytest.mark.parametrize(
    "first, second",
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
@posix_only
def test_stop_while_a_message_is_under_way(start_server, first, second):
    """A client that does not read does not keep the server from stopping, nor does impatience."""
    server = start_server("http_ws_server_example")
    stalled = Wire(server.port, receive_buffer=4096)
    stalled.sync()
    with Wire(server.port) as speaker:
        for _ in range(10):
            speaker.say(b"x" * 1_000_000)
            speaker.hear()
        server.process.send_signal(first)
        assert speaker.ending() == 1001
        server.process.send_signal(second)
    assert server.wait() == 0
    assert server.errors == ""
    stalled.close()


@posix_only
def test_stop_at_once(start_server):
    """Ctrl-C right after the first line is no different."""
    for _ in range(5):
        server = start_server()
        assert server.stop() == 0
        assert server.errors == ""


@posix_only
def test_stop_while_clients_come(start_server):
    """Nothing of a client that comes in just then is left behind."""
    for _ in range(4):
        server = start_server("http_ws_server_example")

        def come(port=server.port):
            with contextlib.suppress(OSError):
                while True:
                    with Wire(port, path=None) as client:
                        client.send(request())

        with meanwhile(come):
            for _ in range(5):
                server.expect("New Connection")
            assert server.stop() == 0
        assert server.errors == ""


# ---- wrong ways to begin -------------------------------------------------------------


def refusal(program):
    """Waits for a program that can't begin; returns its one or two sentences."""
    code = program.wait()
    assert code not in (0, None), "the exit code says that all is well"
    assert "Traceback" not in program.errors + program.output
    assert 1 <= len(program.errors.splitlines()) <= 4
    return program.errors


@pytest.mark.parametrize("folder", SERVERS)
def test_port_in_use(start_server, run, folder):
    server = start_server()
    second = run(
        python("server.py", *ARGUMENTS.get(folder, [])),
        cwd=ROOT / folder,
        env={"PORT": server.port},
    )
    said = refusal(second)
    assert f"{server.port} is in use" in said and "PORT=" in said and "Ctrl-C" in said
    with Wire(server.port) as client:
        client.sync()


@pytest.mark.parametrize(
    "folder, port",
    [(folder, "eighty") for folder in SERVERS]
    + [
        ("ws_server_example", port) for port in ("-1", "65536", "99999999999", "80.5", "", " ", "²")
    ],
)
def test_port_that_is_no_number(run, folder, port):
    server = run(
        python("server.py", *ARGUMENTS.get(folder, [])),
        cwd=ROOT / folder,
        env={"PORT": port, "PYTHONUTF8": 1},
    )
    said = refusal(server)
    assert "PORT" in said and "number" in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's rule about ports")
def test_port_without_permission(run):
    """A port below 1024 belongs to the administrator, and the server runs as somebody else."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as rule:
        if int(rule.read()) <= 80:
            missing("everybody may take port 80 on this computer")
    # Everything is imported before, since nobody may not be allowed to read Python's own folder.
    server = run(
        python(
            "-c",
            "import os, sys; sys.path.insert(0, ''); import server; "
            "os.geteuid() or os.setuid(65534); server.main()",
        ),
        cwd=ROOT / "ws_server_example",
        env={"PORT": 80},
    )
    said = refusal(server)
    assert "80" in said and "1024" in said and "PORT" in said


@pytest.mark.parametrize("folder", SERVERS)
def test_missing_package(run, folder):
    """Without the packages the line to type is printed."""
    said = refusal(run(python("-S", "server.py", *ARGUMENTS.get(folder, [])), cwd=ROOT / folder))
    package = "websocket-server==0.6.4" if folder in CHATS else "(websocket-server|pyserial)=="
    assert re.search(rf"^  python -m pip install .*{package}", said, re.M)


def test_other_version_of_the_package(run, tmp_path):
    """The lesson leans on the insides of one version, so another one is named too."""
    # What there was of it in 0.5: it could not say goodbye to its clients.
    package = tmp_path / "websocket_server"
    package.mkdir()
    (package / "__init__.py").write_text("class WebsocketServer:\n    pass\n")
    said = refusal(
        run(python("server.py"), cwd=ROOT / "ws_server_example", env={"PYTHONPATH": tmp_path})
    )
    assert "python -m pip install websocket-server==0.6.4" in said


@pytest.mark.parametrize("folder", CHATS)
def test_pinned_packages_are_enough(run, folder):
    """With nothing but websocket-server beside the standard library the lesson runs."""
    code = (
        "import sys; sys.path.insert(0, ''); before = set(sys.modules); import server; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before "
        "if 'site-packages' in str(getattr(sys.modules[name], '__file__', ''))}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / folder,
        text=True,
        check=False,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "['websocket_server']\n", done.stderr


def test_import_leaves_logging_alone(run):
    """The package sets up logging for the whole program; the lesson's file undoes that."""
    code = (
        "import sys, logging; sys.path.insert(0, ''); import server; print(logging.root.handlers)"
    )
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert program.output == "[]\n"
