"""What the first lesson and the pages beside it promise, done with real browsers and programs.

test_readmes.py runs the commands and compares what they print. Here the same commands are
running while pages and clients check that what the text promises is so.
"""

import contextlib
import plistlib
import shutil
import subprocess
import sys

import pytest
from course import PATIENCE, ROOT, need, python
from p5_pages import give_p5
from pages import PHONE, has_state, send
from playwright.sync_api import Error, expect
from terminals import prepare, read_blocks, terminals

FOLDER = ROOT / "http_ws_server_example"
HTTPS, EXHIBITION = FOLDER / "HTTPS.md", FOLDER / "EXHIBITION.md"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="done in terminals of Unix")


@pytest.fixture
def do(tmp_path):
    """Returns do(page, *headings): what stands below is running then, and checked at the end.

    It returns the folder of the page in the copy, and ports: the free one for each usual one.
    """

    def begin(page, *headings):
        here, ports = prepare(page, tmp_path / "course")
        blocks = [block for block in read_blocks(page) if block.heading in headings]
        stack.enter_context(terminals(blocks, here, ports))
        return here, ports

    with contextlib.ExitStack() as stack:
        yield begin


def say(page, text):
    has_state(page, "Connected")
    send(page, text)


def test_a_page_of_ones_own_colors_every_window(do, open_page):
    here, ports = do(FOLDER / "README.md", "Run it", "A page of your own")
    windows = [open_page(f"http://localhost:{ports['3000']}/mine.html") for _ in range(2)]
    for window in windows:
        window.wait_for_function("socket.readyState === WebSocket.OPEN")
    windows[0].get_by_role("button").click()
    windows[1].wait_for_function("document.body.style.background.startsWith('rgb')")
    say(open_page(f"http://localhost:{ports['3000']}/"), "tomato")
    for window in windows:
        expect(window.locator("body")).to_have_css("background-color", "rgb(255, 99, 71)")


def test_caddy_makes_it_https_and_wss(do, open_page, run):
    need("caddy")
    here, ports = do(HTTPS, "In your own network")
    pages = []
    while len(pages) < 2:  # the certificate is made soon after the start
        try:
            pages.append(open_page(f"https://localhost:{ports['8443']}/", ignore_https_errors=True))
        except Error as error:
            assert "ERR_SSL_PROTOCOL_ERROR" in str(error)
    has_state(pages[1], "Connected")
    say(pages[0], "over the fence")
    pages[1].locator("#messages .received", has_text="over the fence").wait_for()

    # The terminal's client trusts nobody either, unless it is told to.
    command = python(ROOT / "ws_client_example/client.py", f"wss://localhost:{ports['8443']}/")
    stranger = run(command)
    assert stranger.wait() == 1 and "certificate can't be trusted" in stranger.errors
    root = here / "caddy/pki/authorities/local/root.crt"
    friend = run(command, env={"SSL_CERT_FILE": root}, stdin=True)
    friend.write("hello\n")
    friend.process.stdin.close()
    assert friend.wait() == 0 and "hello\n" in friend.output


def test_broker_carries_a_reading_to_pages_and_keeps_the_last_one(do, open_page, connect):
    need("mosquitto")
    here, ports = do(EXHIBITION, "One sensor, many rooms")
    page = open_page(f"http://localhost:{ports['3000']}/")
    has_state(page, "Connected")
    sensor = connect(f"ws://127.0.0.1:{ports['8080']}/")
    page.locator("#messages .received", has_text=sensor.recv(PATIENCE)).last.wait_for()
    command = ["mosquitto_sub", "-t", "class/sensor", "-C", "1", "-p", str(ports["1883"])]
    late = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert late.stdout.strip().isdigit()
    # The second listener is for pages.
    mqtt = connect(f"ws://127.0.0.1:{ports['9001']}/", subprotocols=["mqtt"])
    assert mqtt.subprotocol == "mqtt"


def test_project_reaches_a_phone_from_cable_and_wifi(do, open_page, connect):
    here, ports = do(EXHIBITION, "One solution")
    phone = open_page(f"http://localhost:{ports['3000']}/p5/", prepare=give_p5,
                      viewport=PHONE, has_touch=True)  # fmt: skip
    # This client is what the sketch on the board is for the server.
    board = connect(f"ws://localhost:{ports['3000']}/")
    board.send('{"sensor": 512}')
    has_state(phone, "Connected")
    assert board.recv(PATIENCE)
    send(phone, "on")
    while board.recv(PATIENCE) != "on":
        pass


def test_cheat_sheet_works(do, run, open_page):
    here, ports = do(FOLDER / "CHEATSHEET.md", "WebSockets on one page")
    server = run(python("cheat_server.py"), cwd=here)
    server.expect("Ctrl-C")
    client = run(python("cheat_client.py"), cwd=here)
    assert client.wait() == 0 and client.output == "only to you\n"
    server.expect(r"^1 127\.0\.0\.1 /\r?\n1 left$")
    window = open_page(f"http://localhost:{ports['8080']}/")
    lines = []
    window.on("console", lambda line: lines.append(line.text))
    window.add_script_tag(path=here / "cheat.js")
    while not {"only to you", "to everyone"} <= set(lines):
        window.wait_for_event("console")


def test_service_files_are_right(tmp_path, run):
    texts = {block.kind: block.text for block in read_blocks(EXHIBITION)}
    assert plistlib.loads(texts["xml"].encode())["KeepAlive"] is True
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd here")  # nor in many containers
    text = texts["ini"].replace("/home/pi/course/.venv/bin/python", sys.executable)
    unit = tmp_path / "websocket.service"
    unit.write_text(text.replace("/home/pi/course", str(ROOT)).replace("User=pi\n", ""))
    done = run(["systemd-analyze", "verify", unit], env={"SYSTEMD_LOG_LEVEL": "warning"})
    assert done.wait() == 0 and "websocket.service" not in done.errors, done.errors
