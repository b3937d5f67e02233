"""The command-line client: in a terminal, in pipes, at servers that misbehave."""

import contextlib
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import pexpect
import pytest
import websockets.sync.server
from course import PATIENCE, ROOT, free_port, need, python
from websockets.exceptions import ConnectionClosed

CLIENT = ROOT / "ws_client_example" / "client.py"
END = b"\r\n\r\n"
HTTP, WS = "http_ws_server_example", "ws_server_example"


def client(url, **settings):
    """The command that runs client.py, with other values for the settings at its top."""
    if not settings:
        return python(CLIENT, url)
    lesson = CLIENT.read_text(encoding="utf-8")
    for name, value in settings.items():
        lesson, changes = re.subn(rf"^{name} = \S+", f"{name} = {value!r}", lesson, flags=re.M)
        assert changes == 1
    return python("-c", lesson, url)


def pipe(command, data=b"", **options):
    """Runs a command with data in its standard input; returns exit code, output, errors."""
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        input=data,
        capture_output=True,
        timeout=90,
        **options,
    )
    errors = done.stderr.decode()
    assert "Traceback" not in errors and "Warning" not in errors, errors
    return done.returncode, done.stdout, errors


@pytest.fixture
def terminal():
    """Returns terminal(command or shell text): a program in a terminal of its own."""
    children = []

    def spawn(command):
        words = ["bash", "--norc", "-c", command] if isinstance(command, str) else command
        child = pexpect.spawn(
            str(words[0]),
            [str(word) for word in words[1:]],
            timeout=PATIENCE,
            encoding="utf-8",
            dimensions=(50, 900),
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"},
        )
        child.delaybeforesend = None
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def ends(child):
    """Waits for the end of a program in a terminal; returns what it still said, and its code."""
    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in child.before, child.before
    return child.before.replace("^C", "").replace("^D\b\b", "").strip(), child.exitstatus


@pytest.fixture
def serve():
    """Returns serve(handler, **options): the address of a server that does what a test wants."""
    with contextlib.ExitStack() as servers:

        def start(handler, **options):
            server = websockets.sync.server.serve(
                handler, "127.0.0.1", 0, compression=None, close_timeout=0.2, **options
            )
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"{'wss' if 'ssl' in options else 'ws'}://127.0.0.1:{server.socket.getsockname()[1]}/"

        yield start


@pytest.fixture
def serve_bytes():
    """Returns serve_bytes(answer): the port of a server that says only this, and hangs up.

    What it was asked is in the list .asked of the function.
    """
    with contextlib.ExitStack() as listeners:

        def start(answer):
            listener = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        start.asked.append(connection.recv(65536))
                        connection.sendall(answer)

            threading.Thread(target=run, daemon=True).start()
            return listener.getsockname()[1]

        start.asked = []
        yield start


# ---- A pipe --------------------------------------------------------------------------


def test_two_lines_bring_two_answers(start_server):
    server = start_server(HTTP)
    assert pipe(client(server.url), b"a\nb\n") == (0, b"a\nb\n", "")


def test_what_the_chat_server_answers(start_server):
    server = start_server(WS)
    answers = b'"127.0.0.1: a"\n"127.0.0.1: b"\n'
    assert pipe(client(server.url), b"a\nb\n") == (0, answers, "")
    assert "Hello" not in server.output


def test_lines_of_all_kinds(start_server):
    """Windows' line ends, an empty line, no UTF-8, and a last line that does not end."""
    server = start_server(HTTP)
    lines = b"a\r\n\n\xff\n" + "grün 🎈".encode()
    expected = "a\n\n\ufffd\ngrün 🎈\n".encode()
    assert pipe(client(server.url), lines) == (0, expected, "")


@pytest.mark.parametrize("host", ["localhost", "[::1]"])
def test_names_of_this_computer(start_server, host):
    server = start_server(HTTP)
    assert pipe(client(f"ws://{host}:{server.port}"), b"a\n") == (0, b"a\n", "")


def test_messages_come_out_at_once(start_server, run):
    server = start_server(HTTP)
    program = run(client(server.url), stdin=True)
    for line in ("one", "two"):
        program.write(f"{line}\n")
        program.expect(f"^{line}$")
    program.process.stdin.close()
    assert program.wait() == 0


def test_binary_messages_come_out_as_they_are(serve):
    data = bytes(range(256)) * 4096

    def handler(connection):
        for _ in connection:
            connection.send(data)

    assert pipe(client(serve(handler)), b"picture\n") == (0, data, "")


def test_silence_and_wrong_letters_are_no_failure(serve, run):
    def handler(connection):
        threading.Event().wait(1)
        connection.send(b"late\xff", text=True)
        connection.recv()

    program = run(client(serve(handler), CONNECT_TIME=0.2))
    program.expect("^late\ufffd$")
    assert program.stop() == 0


def test_answers_under_way_are_awaited(serve):
    """The server answers when it has everything, and says more than it was asked."""

    def handler(connection):
        connection.send("welcome")
        lines = [connection.recv() for _ in range(3)]
        threading.Event().wait(0.5)
        for line in lines:
            connection.send(line)
        connection.recv()

    output = b"welcome\n1\n2\n3\n"
    assert pipe(client(serve(handler)), b"1\n2\n3\n") == (0, output, "")


def test_server_that_does_not_answer(serve):
    """It is given up after a while, also when it gets more lines than may be ahead."""
    heard = []

    def handler(connection):
        heard.extend(connection)

    lines = [str(number) for number in range(500)]
    command = client(serve(handler), QUIET_TIME=0.3)
    assert pipe(command, "\n".join(lines).encode()) == (0, b"", "")
    assert heard == lines


def test_empty_pipe_ends_at_once(start_server):
    server = start_server(HTTP)
    assert pipe(client(server.url)) == (0, b"", "")


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_with_nothing_to_read_it_listens(start_server, connect, run, redirection):
    server = start_server(HTTP)
    command = ["bash", "-c", f'exec "$@" {redirection}', "bash", *client(server.url)]
    program = run(command)
    server.expect("New Connection")
    speaker = connect(server.url)
    for text in ("one", "two"):
        speaker.send(text)
        program.expect(f"^{text}$")
    assert program.stop() == 0
    assert program.errors == "Disconnected.\n"


def test_hundred_thousand_lines(start_server):
    server = start_server(HTTP)
    lines = b"".join(b"%d\n" % number for number in range(100_000))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    status, output, errors = pipe(client(server.url), lines)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (status, errors) == (0, "")
    assert output == lines
    # Its own work, so that it does not matter what else this computer does.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10


def test_it_does_not_run_ahead_of_the_answers(serve):
    """Or a server would have to keep what the client can't take in, and drop it in the end."""
    ahead = []

    def handler(connection):
        with contextlib.suppress(TimeoutError):
            while True:
                ahead.append(connection.recv(timeout=1 if ahead else PATIENCE))
        for line in ahead:
            connection.send(line)
        for line in connection:
            connection.send(line)

    lines = b"".join(b"%d\n" % number for number in range(1000))
    assert pipe(client(serve(handler), MAX_AHEAD=20), lines) == (0, lines, "")
    assert len(ahead) == 21


def test_reader_that_has_seen_enough(start_server, run):
    server = start_server(HTTP)
    words = client(server.url)
    script = 'seq 100000 | "$@" | head -1; echo ${PIPESTATUS[1]}'
    program = run(["bash", "-c", script, "bash", *words])
    assert program.wait() == 0
    assert (program.output, program.errors) == ("1\n0\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has such a device")
def test_disk_is_full(start_server):
    server = start_server(HTTP)
    words = ["bash", "-c", 'exec "$@" >/dev/full', "bash", *client(server.url)]
    status, _, errors = pipe(words, b"a\n")
    assert status == 1 and errors == "The output can't be written: No space left on device.\n"


# ---- A terminal ----------------------------------------------------------------------


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_terminal(start_server, terminal, key):
    server = start_server(WS)
    window = terminal(client(server.url))
    window.expect_exact(f"Connected to {server.url}. Type a line and press Enter; Ctrl-C ends.")
    window.expect_exact('Server said: "127.0.0.1: Hello"')
    window.sendline("good morning")
    window.expect_exact('Server said: "127.0.0.1: good morning"')
    window.send(key)
    assert ends(window) == ("Disconnected.", 0)
    server.expect("connection closed")


def test_terminal_stays_readable(serve, terminal):
    def handler(connection):
        for message in (b"\0" * 1000, "x" * 10_000, "\x1b[2J", "two\nlines", "grün 🎈"):
            connection.send(message)
        connection.recv()
        connection.recv()

    window = terminal(client(serve(handler)))
    for line in ("(1000 bytes)", "x" * 500 + "… (10000 characters)", r"'\x1b[2J'", r"'two\nlines'",
                 "grün 🎈"):  # fmt: skip
        window.expect_exact(f"Server said: {line}\r\n")


def test_keyboard_and_a_pipe(start_server, connect, terminal, tmp_path):
    """In `client.py | tee log.txt` the log has the bare messages, and lines can be typed."""
    server = start_server(HTTP)
    log = tmp_path / "log.txt"
    words = " ".join(f"'{word}'" for word in client(server.url))
    window = terminal(f"{words} | tee '{log}'")
    server.expect("New Connection")
    connect(server.url).send("from somewhere")
    window.expect_exact("from somewhere\r\n")
    window.sendline("typed")
    # Once from the terminal, which shows what is typed, and once from the server.
    window.expect_exact("typed\r\n")
    window.expect_exact("typed\r\n")
    window.send("\x04")
    assert ends(window) == ("Disconnected.", 0)
    assert log.read_text() == "from somewhere\ntyped\n"


def test_pipe_into_a_terminal(start_server, terminal):
    """In `mosquitto_sub | client.py` the messages are bare, and Ctrl-C ends both."""
    server = start_server(HTTP)
    words = " ".join(f"'{word}'" for word in client(server.url))
    window = terminal(f"(echo one; exec cat) | {words}")
    window.expect_exact("one\r\n")
    window.send("\x03")
    assert ends(window)[0] == "Disconnected."
    assert "Hello" not in server.output


# ---- The end of a connection ---------------------------------------------------------


def test_server_stops(start_server, terminal):
    server = start_server(WS)
    window = terminal(client(server.url))
    window.expect_exact("Server said:")
    server.stop()
    said, status = ends(window)
    assert "The server closed the connection (1001)." in said.splitlines()[-1]
    assert status == 1


def test_server_says_why(serve, run):
    def handler(connection):
        connection.close(4000, "the class is over\x1b[2J")

    program = run(client(serve(handler)))
    assert program.wait() == 1
    assert program.errors == (
        "The server closed the connection (4000). 'the class is over\\x1b[2J'\n"
    )


def test_server_is_killed(start_server, run):
    server = start_server(WS)
    program = run(client(server.url), stdin=True)
    server.expect("New Connection")
    server.kill()
    assert program.wait() == 1
    assert program.errors == "The connection to the server was lost.\n"


def test_message_too_big_for_the_server(start_server):
    server = start_server(HTTP, settings={"MAX_MESSAGE": 1000})
    status, output, errors = pipe(client(server.url), b"x" * 2000 + b"\n")
    assert (status, output) == (1, b"")
    assert errors.startswith("The server closed the connection (1009).")


def test_pings_are_answered(serve, run):
    answered = threading.Event()

    def handler(connection):
        if connection.ping().wait(PATIENCE):
            answered.set()
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    program = run(client(serve(handler)))
    assert answered.wait(PATIENCE)
    assert program.stop() == 0


def test_frozen_server_does_not_keep_it(request, serve, run):
    """Ctrl-C ends it though it is just sending to a server that has stopped reading."""
    over = threading.Event()
    request.addfinalizer(over.set)
    program = run(client(serve(lambda connection: over.wait()), CLOSE_TIME=0.2), stdin=True)
    written = []

    def feed():
        with contextlib.suppress(OSError):
            for _ in range(100):
                program.write("x" * 1_000_000 + "\n")
                written.append(time.monotonic())

    threading.Thread(target=feed, daemon=True).start()
    while not written or time.monotonic() - written[-1] < 1:
        time.sleep(0.1)
    assert len(written) < 100
    assert program.stop() == 0
    assert program.errors == "Disconnected.\n"


# ---- No connection -------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, advice",
    [
        (f"ws://127.0.0.1:{free_port()}/", r".*refused.*\. Is server\.py running.*"),
        (f"ws://localhost:{free_port()}/", r".*refused.*\. Is server\.py running.*"),
        ("ws://nobody.invalid/", r"no computer has that name\..*"),
        ("http://127.0.0.1:8080/", "an address looks like ws://.*"),
        ("127.0.0.1:8080", "an address looks like ws://.*"),
        ("localhost", "an address looks like ws://.*"),
        ("ws://127.0.0.1:99999/", "an address looks like ws://.*"),
        ("ws://a..b/", "an address looks like ws://.*"),
        ("ws://[::1/", "an address looks like ws://.*"),
        ("", "an address looks like ws://.*"),
    ],
)
def test_bad_addresses(run, url, advice):
    program = run(client(url))
    assert program.wait() == 1
    assert program.output == ""
    assert_one_line(program.errors, url, advice)


def assert_one_line(errors, url, advice):
    assert re.fullmatch(rf"No connection to {re.escape(url)}: {advice}\n", errors), errors


@pytest.mark.parametrize(
    "answer, advice",
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "it answers HTTP 404.*"),
        (b"HTTP/1.1 426 Upgrade Required\r\n\r\n", "it answers HTTP 426.*"),
        (b"HTTP/1.1 101 Hm\r\nUpgrade: no\r\n\r\n", "that is no WebSocket server.*"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "that is no WebSocket server.*"),
        (b"\xff\xfe\xfd\r\n", "that is no WebSocket server.*"),
        (b"", r"that is no WebSocket server \(.*"),
    ],
)
def test_not_a_websocket_server(run, serve_bytes, answer, advice):
    url = f"ws://127.0.0.1:{serve_bytes(answer)}/"
    program = run(client(url))
    assert program.wait() == 1
    assert_one_line(program.errors, url, advice)


def test_server_that_says_nothing(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        program = run(client(url, CONNECT_TIME=0.3))
        assert program.wait() == 1
        assert_one_line(program.errors, url, r"that is no WebSocket server \(.*timed out\).*")


def test_encryption(serve, start_server, tmp_path, run):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
         "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handler(connection):
        for message in connection:
            connection.send(message)

    by_address = serve(handler, ssl=context)
    by_name = by_address.replace("127.0.0.1", "localhost")
    trusting = {**os.environ, "SSL_CERT_FILE": str(certificate)}
    lines = b"".join(b"%d\n" % number for number in range(5000))
    assert pipe(client(by_name), lines, env=trusting) == (0, lines, "")
    status, _, errors = pipe(client(by_name))
    assert status == 1
    assert_one_line(errors, by_name, r"its certificate can't be trusted \(self.signed.*\)\.")
    status, _, errors = pipe(client(by_address), env=trusting)
    assert status == 1
    assert_one_line(errors, by_address, r"its certificate can't be trusted \(IP address.*\)\.")
    plain = start_server(WS).url.replace("ws://", "wss://")
    status, _, errors = pipe(client(plain))
    assert status == 1
    assert_one_line(errors, plain, r"nobody speaks wss:// there\. Try ws://\.")


def test_proxy_only_for_far_away(start_server, serve_bytes):
    """A proxy stands before the internet: nothing on this computer or network goes through it."""
    proxy = f"http://127.0.0.1:{serve_bytes(b'HTTP/1.1 403 Forbidden' + END)}"
    around = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    around = {**around, "http_proxy": proxy, "no_proxy": "nowhere.invalid"}
    server = start_server(HTTP)
    for host in ("localhost", "127.0.0.1", "[::1]"):
        url = f"ws://{host}:{server.port}/"
        assert pipe(client(url), b"a\n", env=around) == (0, b"a\n", "")
    status, _, errors = pipe(client("ws://nowhere.invalid/"), env=around)
    assert status == 1 and "no computer has that name" in errors
    assert serve_bytes.asked == []
    status, _, errors = pipe(client("ws://class.invalid/"), env=around)
    assert status == 1 and "403" in errors
    assert serve_bytes.asked[0].startswith(b"CONNECT class.invalid:80 ")


def test_ctrl_c_while_it_connects(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = run(client(f"ws://127.0.0.1:{listener.getsockname()[1]}/"))
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            assert program.stop() == 0
        assert program.errors == "Disconnected.\n"


# ---- The package ---------------------------------------------------------------------


def test_package_is_missing(run):
    program = run([sys.executable, "-S", CLIENT])
    assert program.wait() == 1
    assert "\n  python -m pip install websocket-client" in program.errors


@pytest.mark.parametrize("name", ["websocket/__init__.py", "websocket.py"])
def test_another_websocket_is_in_the_way(run, tmp_path, name):
    """The other package of that name, or a file of one's own."""
    shutil.copy(CLIENT, tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("class WebSocket: pass\n")
    program = run(python(tmp_path / "client.py"))
    assert program.wait() == 1
    assert str(tmp_path / name) in program.errors
    # Without the option, pip would say that it is installed already.
    assert "\n  python -m pip install websocket-client --force-reinstall" in program.errors


def test_it_runs_alone(start_server, tmp_path):
    """The folder is all that is needed, from wherever it is started."""
    shutil.copytree(CLIENT.parent, tmp_path / "alone")
    server = start_server(HTTP)
    command = python("alone/client.py", server.url)
    assert pipe(command, b"a\n", cwd=tmp_path) == (0, b"a\n", "")
