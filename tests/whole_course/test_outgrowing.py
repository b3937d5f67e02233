"""What HTTPS.md, EXHIBITION.md and the cheat sheet promise, done with the real programs.

test_readmes.py runs the commands and compares what they print. Here the same commands are
running while pages and clients look whether what the text promises is so.
"""

import getpass
import shutil
import socket
import ssl
import subprocess
import sys

import pytest
import websockets.sync.client
from course import PATIENCE, ROOT, TESTS, missing, need, python
from terminals import (
    close_terminals,
    open_terminals,
    other_ports,
    prepare,
    read_blocks,
    usual_ports,
)
from wire import wait_until

FOLDER = ROOT / "http_ws_server_example"
HTTPS, EXHIBITION = FOLDER / "HTTPS.md", FOLDER / "EXHIBITION.md"
CHEATSHEET = FOLDER / "CHEATSHEET.md"
P5 = TESTS / "node_modules/p5-1/lib/p5.min.js"
pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="done in terminals of Unix")


@pytest.fixture
def do(tmp_path):
    """Returns do(page, heading): what stands below it is running then, and is checked at the end.

    It has .ports and .here, the folder of the page in the copy.
    """

    class Section:
        def __init__(self, page, heading, only=slice(None), ports=None, name="course"):
            blocks = [block for block in read_blocks(page) if block.heading == heading]
            assert blocks, f"{page.name} has no commands below {heading!r}"
            self.ports = ports or usual_ports()
            self.here = prepare(page, tmp_path / name, self.ports)
            self.terminals = open_terminals(blocks[only], self.here, self.ports)
            self.document = page
            sections.append(self)

        def page(self, port, scheme="http"):
            """Returns an address; with https only when the certificate is made, soon after."""
            if scheme == "https":
                wait_until(lambda: speaks_tls(self.ports[port]), "there is no certificate")
            return f"{scheme}://localhost:{self.ports[port]}/"

    sections = []
    yield Section
    for section in sections:
        close_terminals(section.document, section.terminals)


def speaks_tls(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("localhost", int(port)), PATIENCE) as connection:
            context.wrap_socket(connection, server_hostname="localhost").close()
    except OSError:
        return False
    return True


def received(page):
    """Returns what stands in the page as received, newest last."""
    return page.locator("#messages .received span").all_inner_texts()


def wait_for(page, text):
    """Waits until the page has received this text."""
    page.locator("#messages .received span", has_text=text).last.wait_for()


def need_broker():
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub"):
        need(program)


def test_websocketd_answers_each_client_alone(do, connect):
    need("websocketd")
    section = do(HTTPS, "websocketd")
    section.terminals[1].join()  # its client has spoken and left
    address = f"ws://127.0.0.1:{section.ports['8080']}/"
    first = connect(address)
    first.send("one")
    assert first.recv(PATIENCE).strip() == "one"
    second = connect(address)
    second.send("two")
    assert second.recv(PATIENCE).strip() == "two"
    # The second tee has emptied the file of the first; it writes there after it has answered.
    log = section.here / "log.txt"
    wait_until(lambda: log.read_text() == "two\n", "it is not in the log")
    first.send("three")
    # Had it heard the second client, that would have come before.
    assert first.recv(PATIENCE).strip() == "three"


def test_caddy_makes_it_https_and_wss(do, open_page, connect, run):
    need("caddy")
    section = do(HTTPS, "In your own network")
    pages = [open_page(section.page("8443", "https"), ignore_https_errors=True) for _ in range(2)]
    for page in pages:
        page.get_by_text("Connected", exact=True).wait_for()
        assert page.evaluate("isSecureContext && server.slice(0, 4)") == "wss:"
    pages[0].get_by_role("textbox", name="Message").fill("over the fence")
    pages[0].keyboard.press("Enter")
    wait_for(pages[1], "over the fence")

    # The terminal's client trusts nobody either, unless it is told to.
    url = f"wss://localhost:{section.ports['8443']}/"
    stranger = run(python(ROOT / "ws_client_example/client.py", url))
    assert stranger.wait() == 1 and "certificate can't be trusted" in stranger.errors
    root = section.here / "caddy/pki/authorities/local/root.crt"
    command = python(ROOT / "ws_client_example/client.py", url)
    friend = run(command, env={"SSL_CERT_FILE": root}, stdin=True)
    friend.write("hello\n")
    friend.process.stdin.close()
    assert friend.wait() == 0 and "hello\n" in friend.output


def test_caddy_tells_the_real_address_and_site(do, connect, run):
    """Behind a reverse proxy there is X-Forwarded-For, and a public name has to be listed."""
    need("caddy")
    section = do(HTTPS, "In your own network", only=slice(0, 0))
    code = """if True:
        import server, sturdy_websocket
        sturdy_websocket.ALLOWED_SITES.append("https://class.example.org")
        def message_received(client, server, message):
            print("from", client["handler"].headers["X-Forwarded-For"])
        server.message_received = message_received
        server.main()"""
    server = run(python("-c", code), cwd=section.here, env={"PYTHONPATH": section.here})
    server.expect("Ctrl-C")
    blocks = [block for block in read_blocks(HTTPS) if block.heading == "In your own network"]
    proxy = [block for block in blocks if block.mark("file") or "caddy run" in block.text]
    section.terminals += open_terminals(proxy, section.here, section.ports)

    authority = section.here / "caddy/pki/authorities/local/root.crt"
    options = {
        "ssl": ssl.create_default_context(cafile=authority),
        "server_hostname": "localhost",
    }
    url = section.page("8443", "https").replace("https", "wss")
    connect(url, origin="https://class.example.org", **options).send("hello")
    server.expect(r"from (127\.0\.0\.1|::1)$")
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(url, origin="https://other.example.org", **options)
    assert refused.value.response.status_code == 403
    server.expect("Refused a page from 'https://other.example.org'")


def test_caddy_understands_every_settings_file(tmp_path):
    need("caddy")
    blocks = [block for block in read_blocks(HTTPS) if block.kind == "caddyfile"]
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "Caddyfile").write_text(block.text)
        command = ["caddy", "adapt", "--config", tmp_path / "Caddyfile"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "localhost:3000" in done.stdout


def test_broker_carries_a_reading_to_pages_in_two_rooms(do, open_page, connect):
    need_broker()
    one = do(EXHIBITION, "One sensor, many rooms")
    # The second room does what the first did, with the last two blocks, and a port of its own.
    two = do(
        EXHIBITION,
        "One sensor, many rooms",
        only=slice(-2, None),
        ports={**one.ports, "3000": usual_ports()["3000"]},
        name="room2",
    )
    pages = [open_page(room.page("3000")) for room in (one, two)]
    for page in pages:
        page.locator("#messages .received").nth(2).wait_for()
    # From here on, both pages hear what this client hears.
    sensor = connect(f"ws://127.0.0.1:{one.ports['8080']}/")
    reading = sensor.recv(PATIENCE)
    for page in pages:
        wait_for(page, reading)

    # Who comes later gets the last value at once, though no new one arrives.
    pipe = one.terminals.pop(2)
    pipe.child.sendintr()
    pipe.child.expect(pexpect.EOF, timeout=PATIENCE)
    command = ["mosquitto_sub", "-t", "class/sensor", "-C", "1", "-p", str(one.ports["1883"])]
    late = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert late.stdout.strip().isdigit()


def test_broker_has_a_door_for_pages(do, connect):
    """The WebSocket listener takes MQTT: a CONNECT (version 3.1.1) is answered by a CONNACK."""
    need("mosquitto")
    section = do(EXHIBITION, "One sensor, many rooms", only=slice(0, 2))
    section.terminals[0].join()  # it has said that it is running
    client = connect(f"ws://127.0.0.1:{section.ports['9001']}/", subprotocols=["mqtt"])
    assert client.subprotocol == "mqtt"
    client.send(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04page")
    assert client.recv(PATIENCE) == b"\x20\x02\x00\x00"


def test_system_broker_keeps_the_last_value_over_a_reboot(tmp_path):
    """class.conf in the folder that Debian's own settings name; the broker stopped and started."""
    need_broker()
    (tmp_path / "conf.d").mkdir()
    block = next(block for block in read_blocks(EXHIBITION) if block.kind == "conf")
    ports = usual_ports()
    (tmp_path / "conf.d/class.conf").write_text(other_ports(block.text, ports))
    # The lines of /etc/mosquitto/mosquitto.conf that matter here.
    (tmp_path / "mosquitto.conf").write_text(
        f"user {getpass.getuser()}\npersistence true\npersistence_location {tmp_path}/\n"
        f"include_dir {tmp_path}/conf.d\n"
    )
    port = ["-p", ports["1883"]]
    # With -q 1 the broker has said that it has the message, before it is stopped.
    for command in (
        ["mosquitto_pub", *port, "-q", "1", "-t", "class/sensor", "-r", "-m", "512"],
        ["mosquitto_sub", *port, "-t", "class/sensor", "-C", "1"],
    ):
        broker = pexpect.spawn("mosquitto", ["-c", str(tmp_path / "mosquitto.conf")])
        broker.expect("running", timeout=PATIENCE)
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
        broker.sendintr()
        broker.expect(pexpect.EOF, timeout=PATIENCE)
    assert done.stdout == "512\n"


def test_cheat_sheet_works(tmp_path, run, open_page):
    """Its server, and both clients of it: the one in Python and the one in a page."""
    ports = usual_ports()
    here = prepare(CHEATSHEET, tmp_path / "course", ports)
    blocks = {block.mark("file")[0]: block for block in read_blocks(CHEATSHEET)}
    for name, block in blocks.items():
        (here / name).write_text(other_ports(block.text, ports))
    server = run(python("cheat_server.py"), cwd=here)
    server.expect("Ctrl-C")
    client = run(python("cheat_client.py"), cwd=here)
    assert client.wait() == 0 and client.output == "only to you\n"
    server.expect(r"^1 127\.0\.0\.1 /\r?\n1 left$")

    # An empty tab may not connect to this computer.
    page = open_page(f"http://localhost:{ports['8080']}/")
    lines = []
    page.on("console", lambda line: lines.append(line.text))
    page.add_script_tag(path=here / "cheat.js")
    while not {"only to you", "to everybody"} <= set(lines):
        page.wait_for_event("console")
    server.expect(r"^2 (::1|127\.0\.0\.1) /$")


def test_project_draws_cable_and_wifi_on_a_phone(do, open_page, connect):
    if not P5.exists():
        missing("p5.js is not installed")
    section = do(EXHIBITION, "One solution")
    page = open_page("about:blank", viewport={"width": 390, "height": 844}, has_touch=True)
    page.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(path=P5))
    page.goto(section.page("3000") + "p5/")
    address = f"ws://localhost:{section.ports['3000']}/"
    page.get_by_label("Server address").fill(address)
    page.get_by_role("button", name="Connect", exact=True).tap()
    page.get_by_text("Connected", exact=True).wait_for()

    # This client is what the sketch on the board is for the server.
    board = connect(address)
    board.send('{"sensor": 512}')
    page.wait_for_function("graphs.has('sensor') && graphs.has('') && graphs.get('').length > 2")
    assert page.evaluate("graphs.get('sensor')") == [512]
    page.get_by_label("Text to send").fill("on")
    page.keyboard.press("Enter")
    while board.recv(PATIENCE) != "on":
        pass


def test_service_file_is_right_for_systemd(tmp_path, run):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd here")  # nor in many containers
    text = next(block.text for block in read_blocks(EXHIBITION) if block.kind == "ini")
    text = text.replace("/home/pi/course/.venv/bin/python", sys.executable)
    text = text.replace("/home/pi/course", str(ROOT)).replace("User=pi\n", "")
    unit = tmp_path / "websocket.service"
    unit.write_text(text)
    done = run(["systemd-analyze", "verify", unit], env={"SYSTEMD_LOG_LEVEL": "warning"})
    assert done.wait() == 0, done.errors
    assert "websocket.service" not in done.errors
