"""Starting a server: what it prints, which port it takes, and every wrong way to begin."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from course import ROOT, SERVERS, USUAL_WORDS, free_port, missing, python
from pages import accessible
from playwright.sync_api import expect
from wire import Wire, wait_until

CHATS = ["ws_server_example", "http_ws_server_example"]


@pytest.mark.parametrize("folder", SERVERS)
def test_start_lines(start_server, folder):
    """The ways in are printed, each ready to be clicked or pasted, and the other devices' work."""
    server = start_server(folder)
    server.expect(r"SECRET_PORT \d+\n|other devices:  no .*\n")
    scheme = "http" if folder == "http_ws_server_example" else "ws"
    port = server.port
    lines = server.output.splitlines()
    start = lines.index("WebSocket server is running, Ctrl-C stops it.")
    assert lines[start + 1].startswith(f"  this computer:  {scheme}://localhost:{port}/")
    for forbidden in ("0.0.0.0", "[::]", "//127."):
        assert forbidden not in server.output
    found = re.findall(rf"^  other devices:  {scheme}://([\d.]+):{port}/", server.output, re.M)
    if not found:
        assert "other devices:  no address" in server.output
        return
    arduino = f'  Arduino:        #define SECRET_SERVER "{found[0]}"'
    assert f"{arduino}\n                  #define SECRET_PORT {port}\n" in server.output
    with Wire(port, host=found[0]) as client:
        client.say("hello")
        if folder == "ws_server_example":
            assert client.hear() == json.dumps(f"{found[0]}: hello")


@pytest.mark.browser
@pytest.mark.parametrize(
    "folder, scheme", [("ws_server_example", "light"), ("serial_to_ws_server", "dark")]
)
def test_the_page_of_a_server_without_pages(start_server, open_page, folder, scheme):
    """It says what to open instead."""
    page = open_page(start_server(folder).http, color_scheme=scheme)
    expect(page.get_by_role("heading")).to_have_text("WebSocket server")
    expect(page.get_by_role("link")).to_have_attribute("href", "http://localhost:3000/")
    background = {"light": "rgb(238, 241, 246)", "dark": "rgb(13, 16, 23)"}[scheme]
    expect(page.locator("html")).to_have_css("background-color", background)
    accessible(page)


# A network without internet: no address in it is nearer to the rest of the world.
CLASSROOM = """
ip link add wifi type bridge; ip addr add 192.168.4.1/24 dev wifi; ip link set wifi up
ip link add vpn type bridge; ip addr add 10.8.0.2/24 dev vpn; ip link set vpn up
"""


def test_addresses_without_internet(run):
    apart = ["unshare", "--net", "--map-root-user", "sh", "-ec"]
    if not shutil.which("unshare") or subprocess.run([*apart, CLASSROOM], check=False).returncode:
        pytest.skip("this computer makes no network of its own for a test")
    command = [*apart, f'{CLASSROOM} exec "$@"', "sh", *python("server.py")]
    server = run(command, cwd=ROOT / "ws_server_example", env={"PORT": 8080})
    server.expect(r"SECRET_PORT \d+\n|other devices:  no .*\n")
    for address in ("192.168.4.1", "10.8.0.2"):
        assert f"  other devices:  ws://{address}:8080/" in server.output
    assert '#define SECRET_SERVER "192.168.4.1"' in server.output


@pytest.mark.parametrize(
    "folder, port",
    [("ws_server_example", 8080), ("http_ws_server_example", 3000), ("serial_to_ws_server", 8080)],
)
def test_port_without_a_choice(run, folder, port):
    """Without PORT the lesson takes the number that its README names, or says that it is in use."""
    server = run(python("server.py", *USUAL_WORDS.get(folder, [])), cwd=ROOT / folder)
    wait_until(
        lambda: "Ctrl-C" in server.output or server.process.poll() is not None, "it does not begin"
    )
    if "Ctrl-C" in server.output:
        server.expect(rf"localhost:{port}/")
    else:
        server.wait()
        assert re.search(rf"^Port {port} is in use", server.errors)


@pytest.mark.parametrize("way", ["folder/server.py", "server.py", "server.py, copied out alone"])
@pytest.mark.parametrize("folder", SERVERS)
def test_ways_to_start(run, tmp_path, folder, way):
    """`python folder/server.py`, `cd folder && python server.py`, and the folder taken along."""
    file, cwd = f"{folder}/server.py", ROOT
    if way == "server.py":
        file, cwd = "server.py", ROOT / folder
    if "copied" in way:
        file, cwd = "server.py", tmp_path / "lesson"
        shutil.copytree(ROOT / folder, cwd, ignore=shutil.ignore_patterns("__pycache__"))
    words = USUAL_WORDS.get(folder, [])
    server = run(python(file, *words), cwd=cwd, env={"PORT": (port := free_port())})
    server.expect("Ctrl-C")
    with Wire(port) as client:
        client.say("hello")
        assert words or client.hear() in ("hello", '"127.0.0.1: hello"')


def refusal(program):
    """Waits for a program that can't begin; returns what it says, a few lines."""
    code = program.wait()
    assert code not in (0, None), "the exit code says that all is well"
    assert "Traceback" not in program.errors + program.output
    assert 1 <= len(program.errors.splitlines()) <= 6
    return program.errors


@pytest.mark.parametrize("folder", SERVERS)
def test_port_in_use(start_server, run, folder):
    server = start_server()
    words = ["server.py", *USUAL_WORDS.get(folder, [])]
    said = refusal(run(python(*words), cwd=ROOT / folder, env={"PORT": server.port}))
    assert f"{server.port} is in use" in said and "Ctrl-C" in said
    assert f"PORT=8081 python {' '.join(words)}\n" in said
    with Wire(server.port) as client:
        client.sync()


@pytest.mark.parametrize(
    "folder, port",
    [(folder, "eighty") for folder in SERVERS]
    + [("ws_server_example", port) for port in ("-1", "65536", "80.5", "", " ", "²")],
)
def test_port_that_is_no_number(run, folder, port):
    command = python("server.py", *USUAL_WORDS.get(folder, []))
    said = refusal(run(command, cwd=ROOT / folder, env={"PORT": port, "PYTHONUTF8": 1}))
    assert "PORT" in said and "number" in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's rule about ports")
def test_port_without_permission(run):
    """A port below 1024 belongs to the administrator, and the server runs as somebody else."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as rule:
        if int(rule.read()) <= 80:
            missing("everybody may take port 80 on this computer")
    # Everything is imported before, since nobody may not be allowed to read Python's own folder.
    code = (
        "import os, sys; sys.path.insert(0, ''); import server; "
        "os.geteuid() or os.setuid(65534); server.main()"
    )
    said = refusal(run(python("-c", code), cwd=ROOT / "ws_server_example", env={"PORT": 80}))
    assert "80" in said and "1024" in said and "PORT" in said


@pytest.mark.parametrize("folder", SERVERS)
def test_missing_package(run, folder):
    """Without the packages the line to type is printed."""
    said = refusal(run(python("-S", "server.py", *USUAL_WORDS.get(folder, [])), cwd=ROOT / folder))
    package = "websocket-server==0.6.4" if folder in CHATS else "(websocket-server|pyserial)=="
    assert re.search(rf"^  python -m pip install .*{package}", said, re.M)


@pytest.mark.parametrize("folder", CHATS)
def test_import_changes_nothing(run, folder):
    """No other package is needed; logging, output, environment and signals are as they were."""
    code = """if True:
        import logging, os, signal, sys
        sys.path.insert(0, "")
        def state():
            signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
            out = sys.stdout, sys.stdout.line_buffering, sys.stderr
            return logging.root.handlers[:], dict(os.environ), signals, out
        before = state()
        modules = set(sys.modules)
        import server
        assert state() == before
        new = {name.partition(".")[0] for name in set(sys.modules) - modules}
        print(sorted(name for name in new
                     if "site-packages" in str(getattr(sys.modules[name], "__file__", ""))))"""
    program = run(python("-c", code), cwd=ROOT / folder)
    assert program.wait() == 0, program.errors
    assert program.output == "['websocket_server']\n"


@pytest.mark.parametrize("folder", SERVERS)
def test_help_and_stray_words(run, folder):
    program = run(python("server.py", "--help"), cwd=ROOT / folder)
    assert program.wait() == 0
    for part in ("Run it with:", "$env:PORT=", "set PORT=", "You should see:"):
        assert part in program.output
    program = run(python("server.py", *USUAL_WORDS.get(folder, []), "t", "8081"), cwd=ROOT / folder)
    assert program.wait() == 2
    assert "server.py" in program.output + program.errors
    assert "Traceback" not in program.errors
