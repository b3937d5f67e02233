"""Starting a server: what it prints, which port it takes, and every wrong way to begin."""

import json
import re
import shutil
import sys

import pytest
from course import ROOT, SERVERS, USUAL_WORDS, free_port, missing, python
from wire import Wire, echo_of, request, wait_until

CHATS = ["ws_server_example", "http_ws_server_example"]


@pytest.mark.parametrize("folder", SERVERS)
def test_start_lines(start_server, folder):
    """The ways in are printed, each ready to be clicked or pasted."""
    server = start_server(folder)
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
    "host, here, others",
    [
        ("192.168.1.5", "192.168.1.5", "http"),
        ("fd00::1", "[fd00::1]", "http"),
        ("127.0.0.1", "localhost", "can't reach it"),
    ],
)
def test_start_lines_with_another_host(run, host, here, others):
    """HOST may be one of this computer's addresses: then that is the way in, for everybody."""
    code = (
        "import sys, types; sys.path.insert(0, ''); import server_help; "
        f"server_help.print_addresses(types.SimpleNamespace(host={host!r}, port=8080))"
    )
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert f"  this computer:  http://{here}:8080/  ws://{here}:8080/\n" in program.output
    assert f"  other devices:  {others}" in program.output


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
        server.expect(rf"localhost:{port}/ ")
    else:
        server.wait()
        assert re.search(rf"^Port {port} is in use", server.errors)


@pytest.mark.parametrize("way", ["folder/server.py", "server.py", "server.py, copied out alone"])
@pytest.mark.parametrize("folder", SERVERS)
def test_ways_to_start(run, tmp_path, folder, way):
    """`python folder/server.py`, `cd folder && python server.py`, and the folder taken along."""
    file, cwd = (
        ("server.py", ROOT / folder) if way == "server.py" else (f"{folder}/server.py", ROOT)
    )
    if "copied" in way:
        file, cwd = "server.py", tmp_path / "lesson"
        shutil.copytree(ROOT / folder, cwd, ignore=shutil.ignore_patterns("__pycache__"))
    words = USUAL_WORDS.get(folder, [])
    server = run(python(file, *words), cwd=cwd, env={"PORT": (port := free_port())})
    server.expect("Ctrl-C")
    with Wire(port) as client:
        client.say("hello")
        assert words or client.hear() == echo_of(folder, "hello")
    if folder == "http_ws_server_example":
        with Wire(port, path=None) as page:
            page.send(request(Upgrade=None, Connection=None))
            assert page.read_head()[0] == 200


def refusal(program):
    """Waits for a program that can't begin; returns its one or two sentences."""
    code = program.wait()
    assert code not in (0, None), "the exit code says that all is well"
    assert "Traceback" not in program.errors + program.output
    assert 1 <= len(program.errors.splitlines()) <= 5
    return program.errors


@pytest.mark.parametrize("folder", SERVERS)
def test_port_in_use(start_server, run, folder):
    server = start_server()
    second = run(
        python("server.py", *USUAL_WORDS.get(folder, [])),
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
        python("server.py", *USUAL_WORDS.get(folder, [])),
        cwd=ROOT / folder,
        env={"PORT": port, "PYTHONUTF8": 1},
    )
    said = refusal(server)
    assert "PORT" in said and "number" in said


def test_port_that_browsers_refuse(run):
    """They connect to no port where another protocol lives, and a page would say: no answer."""
    said = refusal(run(python("server.py"), cwd=ROOT / "ws_server_example", env={"PORT": 6000}))
    assert "6000" in said and "browsers" in said.lower() and "8081" in said


# The Fetch standard calls them bad ports, as far as everybody may listen there.
BAD_PORTS = [1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670),
             6679, 6697, 10080]  # fmt: skip


def test_ports_that_browsers_refuse_are_those_of_the_standard(run):
    code = """if True:
        import sys
        sys.path.insert(0, "")
        import server_help
        for port in range(1024, 65536):
            try:
                server_help.port_number(port)
            except SystemExit:
                print(port)"""
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert program.output.split() == [str(port) for port in BAD_PORTS]


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
    said = refusal(run(python("-S", "server.py", *USUAL_WORDS.get(folder, [])), cwd=ROOT / folder))
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
    program = run([sys.executable, "-c", code], cwd=ROOT / folder)
    assert program.wait() == 0
    assert program.output == "['websocket_server']\n"


def test_import_leaves_logging_alone(run):
    """The package sets up logging for the whole program; the lesson's file undoes that."""
    code = (
        "import sys, logging; sys.path.insert(0, ''); import server; print(logging.root.handlers)"
    )
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert program.output == "[]\n"


@pytest.mark.parametrize("folder", SERVERS)
def test_help_is_the_header(run, folder):
    program = run(python("server.py", "--help"), cwd=ROOT / folder)
    assert program.wait() == 0
    for part in ("Run it with:", "$env:PORT=", "set PORT=", "You should see:"):
        assert part in program.output


@pytest.mark.parametrize("folder", SERVERS)
def test_stray_word_gets_a_sentence(run, folder):
    program = run(python("server.py", *USUAL_WORDS.get(folder, []), "t", "8081"), cwd=ROOT / folder)
    said = refusal(program)
    assert program.process.returncode == 2 and "python server.py" in said
