"""What has to hold on Windows. Run it with: python3 tests/windows"""

import pytest
from course import ROOT, SERVERS, TESTS, USUAL_WORDS, free_port
from wire import BINARY, Wire, frame, odd_frame, wait_until

WS, HTTP, SERIAL = SERVERS
CLIENT = "ws_client_example"
LETTERS = "ü 日本 🙂"
PYTHON = TESTS / ".windows" / "cp313" / "python.exe"


@pytest.fixture
def windows(run):
    """Returns windows(folder, *words, stdin=False, **env): a Program of Windows' Python."""
    return lambda folder, *words, stdin=False, **env: run(
        ["wine64", PYTHON, *words], cwd=ROOT / folder, env=env, stdin=stdin
    )


@pytest.fixture
def serve(windows):
    """Returns serve(folder, *words): a server that listens on its .port."""

    def start(folder, *words):
        words = words or USUAL_WORDS.get(folder, [])
        program = windows(folder, "server.py", *words, PORT=free_port())
        program.expect(r"SECRET_PORT \d+")
        return program

    return start


def test_clients_on_both_families_hear_the_same_order(serve, join):
    server = serve(HTTP)
    wires = [join(server, host=host) for host in ("127.0.0.1", "::1") * 2]
    messages = [f"message {number}" for number in range(100)]
    for number, message in enumerate(messages):
        wires[number % 4].say(message)
    first, *others = [[wire.hear() for _ in messages] for wire in wires]
    assert sorted(first) == sorted(messages)
    assert others == [first] * 3


def test_text_binary_data_and_a_mebibyte_arrive_as_they_were(serve, join):
    server = serve(HTTP)
    speaker, listener = join(server), join(server)
    for message in ["", LETTERS, bytes(range(256)), "日" * 2**20, bytes(2**20)]:
        speaker.say(message)
        assert speaker.hear() == listener.hear() == message
    # This one also prints it, though the terminal doesn't have all of these letters.
    wire = join(serve(WS))
    wire.say(LETTERS)
    assert wire.hear() == f'"127.0.0.1: {LETTERS}"'
    wire.sync()


def test_a_client_that_never_reads_harms_nobody_and_is_cut(serve, join):
    server = serve(HTTP)
    wires = [join(server), join(server, host="::1")]
    join(server, receive_buffer=4096)
    for number in range(40):
        message = f"{number} " + "x" * 2**20
        wires[0].say(message)
        assert [wire.hear() for wire in wires] == [message] * 2
    server.expect(r"connection closed: 127.0.0.1 \(2 here\)")


def test_a_client_that_breaks_the_rules_is_gone_soon_although_it_stays(serve, join):
    server = serve(HTTP)
    wire = join(server)
    wire.send(odd_frame(0xF1, b"reserved bits"))
    assert wire.ending() == 1002
    server.expect("1002")
    server.expect("connection closed")


def test_clients_that_break_off_harm_nobody(serve, join):
    server = serve(HTTP)
    wires = [join(server), join(server, host="::1")]
    for _ in range(20):
        gone = Wire(server.port)
        gone.send(frame(BINARY, bytes(2**18))[: 2**17])
        gone.vanish()
    for _ in range(20):
        server.expect("connection closed")
    wires[0].say("still here")
    assert [wire.hear() for wire in wires] == ["still here"] * 2


@pytest.mark.parametrize("folder", SERVERS)
def test_its_addresses_and_a_goodbye_at_ctrl_c(serve, join, folder):
    server = serve(folder)
    lines = [line for line in server.output.splitlines() if "://" in line]
    assert f"://localhost:{server.port}/" in lines[0]
    assert len(set(lines)) == len(lines)
    wires = [join(server), join(server, host="::1")]
    assert (server.stop(), server.errors) == (0, "")
    assert server.output.splitlines()[-1] == "Server stopped."
    assert [wire.ending() for wire in wires] == [1001] * 2


def test_what_cannot_be_had_is_said_in_a_sentence(serve, windows):
    port = serve(HTTP).port
    for program, words in [
        (windows(WS, "server.py", PORT=port), f"{port} is in use"),
        (windows(WS, "server.py", PORT="abc"), "abc"),
        (windows(SERIAL, "server.py", "COM99"), "COM99"),
        (windows(CLIENT, "client.py", f"ws://127.0.0.1:{free_port()}/"), "server.py"),
    ]:
        assert program.wait() == 1
        assert words in program.errors.splitlines()[0]


# What Windows takes for a device, the same file, another drive or another computer.
TRICKS = [
    "/con", "/CONIN$", "/aux.html", "/nul", "/com1.txt", "/script.js.", "/script.js%20",
    "/script.js::$DATA", "/SCRIPT~1.JS", "/\\folder", "/%5c%5clocalhost/c$", "/C:/windows/win.ini",
    "/..\\server.py", "/..%5cserver.py", "/%2e%2e/server.py", "/..%2fserver.py", "/%00",
]  # fmt: skip


def status_of(port, path):
    """Returns the status of the answer to a GET, or 0 if there is none."""
    try:
        with Wire(port, path=None) as wire:
            wire.send(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return wire.read_head()[0]
    except (OSError, EOFError):
        return 0


def test_paths_with_windows_tricks_stay_in_public(serve):
    port = serve(HTTP).port
    assert status_of(port, "/script.js") == 200
    assert {path: status_of(port, path) for path in TRICKS} == dict.fromkeys(TRICKS, 404)


# Windows' Python opens the file, as Windows' terminal does for: client.py < file
REDIRECT = """
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "client.py", sys.argv[1]], stdin=open(sys.argv[2])))
"""


def test_the_client_gets_back_every_line_in_order(serve, windows, tmp_path):
    url = f"ws://127.0.0.1:{serve(HTTP).port}/"
    lines = "".join(f"{number} {LETTERS}\n" for number in range(2000))
    file = tmp_path / "lines.txt"
    file.write_bytes(lines.encode())
    for words, typed in [(["client.py", url], lines), (["-c", REDIRECT, url, f"Z:{file}"], "")]:
        client = windows(CLIENT, *words, stdin=True)
        client.write(typed)
        client.process.stdin.close()
        assert (client.wait(), client.errors) == (0, "")
        assert client.output.replace("\r\n", "\n") == lines


def test_the_client_from_nul_only_listens(serve, windows, join):
    server = serve(HTTP)
    client = windows(CLIENT, "-c", REDIRECT, f"ws://127.0.0.1:{server.port}/", "NUL")
    server.expect("New Connection")
    join(server).say(LETTERS)
    client.expect(LETTERS)
    assert server.stop() == 0
    client.wait()
    assert client.output.strip() == LETTERS


def test_the_list_of_ports_leads_to_the_demo_which_sends_lines(windows, serve, join):
    listing = windows(SERIAL, "server.py")
    assert listing.wait() == 0
    assert "server.py demo" in listing.output
    wire = join(serve(SERIAL, "demo", "t"))
    assert all(wire.hear().isdigit() for _ in range(20))


# As a click starts it: with no console, and no standard streams.
CLICK = """
import subprocess, sys
pythonw = sys.executable.replace("python.exe", "pythonw.exe")
server = subprocess.Popen([pythonw, "server.py"], creationflags=subprocess.DETACHED_PROCESS)
sys.stdin.read()
server.kill()
"""


def test_pythonw_serves_without_any_output(windows):
    port = free_port()
    click = windows(HTTP, "-c", CLICK, PORT=port, stdin=True)
    wait_until(lambda: status_of(port, "/") == 200, "pythonw does not serve")
    with Wire(port) as wire:
        wire.say("hello")
        assert wire.hear() == "hello"
    click.process.stdin.close()
    assert click.wait() == 0
