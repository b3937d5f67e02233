"""The connection of the p5.js client: as in js_client, word for word, and tried in browsers."""

import re
import shutil
import threading

import pytest
from course import ROOT, free_port
from p5_pages import FOLDER, frames, give_p5, picture, shown
from pages import FLOOD, SERVED, flood, has_state, no_errors, send, stop_clock
from playwright.sync_api import expect
from websockets.sync.server import serve

pytestmark = pytest.mark.browser


def test_same_lines_as_in_js_client():
    """Each function is the same but the one that a message arrives in."""
    theirs = (ROOT / "js_client" / "script.js").read_text("utf-8")
    ours = (FOLDER / "connection.js").read_text("utf-8").replace("dataReceived", "messageReceived")
    functions = re.findall(r"(?:^//[^\n]*\n)*^function \w+\(.*?^}$", theirs, re.M | re.S)
    [different] = [each for each in functions if each not in ours]
    assert "function messageReceived" in different


def test_connects_talks_and_comes_back(sketch, start_server, connect, major, window):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major, within=window)
    has_state(page, "Connected", f"ws://localhost:{server.port}/")
    assert page.title() == "● Connected - WebSocket client in p5.js"
    for name in ["address", "connect", "outgoing"]:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == name
    for key in ["5", "Enter", "ArrowUp", "Enter"]:
        page.keyboard.press(key)
    assert [other.recv(timeout=30) for _ in range(2)] == ["5", "5"]
    seen = [picture(page)]
    for message in ["<img src=x onerror='document.title = 1'>", "light:512", b"\x00\x01"]:
        other.send(message)
        shown(page, message if isinstance(message, str) else "2-byte message")
        seen.append(picture(page))
        assert seen[-1] == picture(page), f"moves by itself after {message}"
    assert len(set(seen)) == 4
    server.kill()
    has_state(page, "Connection lost", "Code 1006, the connection just broke. Trying again")
    send(page, "too early")
    expect(page.locator("#outgoing")).to_have_value("too early")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back")
    page.locator("#connect").click()
    has_state(page, "Disconnected", "Press Connect")
    page.keyboard.press("Enter")
    has_state(page, "Connected")
    no_errors(page)


def test_nobody_answers_and_a_bad_address(sketch, start_server):
    port = free_port()
    page = sketch(port)
    has_state(page, "No answer", f"No answer from ws://localhost:{port}/. Is server.py running? "
              "Did it refuse this page? (Its terminal says so.) Is there a proxy")  # fmt: skip
    for address in ("localhost:8080", "ws://localhost:99999/", "ws://localhost/#x"):
        page.locator("#address").fill(address)
        page.locator("#address").press("Enter")
        has_state(page, "No answer", f'"{address}" isn\'t a WebSocket address')
    page.locator("#address").fill(f" http://127.0.0.1:{port} ")
    start_server(SERVED, port=port)
    page.locator("#connect").click()
    has_state(page, "Connected", f"ws://127.0.0.1:{port}")
    page.reload()
    has_state(page, "Connected", f"ws://127.0.0.1:{port}")
    no_errors(page)


def test_the_courses_own_server_sent_the_page(start_server, open_page, tmp_path):
    folder = shutil.copytree(ROOT / SERVED, tmp_path / "copy")
    shutil.copytree(FOLDER, folder / "public" / "sketch")
    server = start_server(SERVED, cwd=folder)
    page = open_page(f"{server.http}/sketch/index.html", prepare=give_p5)
    has_state(page, "Connected", f"{server.url}/")


def test_another_web_server_sent_the_page(open_page):
    """The web editor of p5.js is of this kind: from https, only localhost may be opened."""
    site = "https://editor.test/"

    def prepare(page):
        give_p5(page)
        page.route(
            f"{site}*", lambda route: route.fulfill(path=FOLDER / route.request.url[len(site) :])
        )

    page = open_page(f"{site}index.html", prepare=prepare)
    expect(page.locator("#connect")).to_have_text("Disconnect")
    expect(page.locator("#address")).to_have_value("ws://localhost:8080/")
    page.locator("#address").fill("ws://server.test:8080/")
    page.locator("#connect").click()
    has_state(page, "Disconnected", "This page was loaded over https")


def test_a_link_that_falls_silent_and_a_page_that_wakes_up(sketch):
    """Without a heartbeat, nothing is assumed. An empty message is not drawn."""
    clients = []
    note = {"process_request": lambda client, _: clients.append(client)}
    with serve(list, "localhost", 0, **note) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = sketch(server.socket.getsockname()[1])
        has_state(page, "Connected")
        assert clients[0].request.path == "/?heartbeat"
        stop_clock(page)
        page.clock.fast_forward(60_000)
        has_state(page, "Connected")
        for message in ("5", "", "6"):
            clients[0].send(message)
        shown(page, "6")
        page.clock.fast_forward(24_000)
        has_state(page, "Connected")
        page.clock.fast_forward(1_500)
        has_state(page, "Connected", "The server is back")
        assert len(clients) == 2
        for target, event in (("window", "online"), ("document", "visibilitychange")):
            clients[-1].close()
            has_state(page, "Connection lost")
            page.evaluate(f"{target}.dispatchEvent(new Event('{event}'))")
            has_state(page, "Connected", "The server is back")
        server.shutdown()


def test_a_thousand_messages_a_second_and_the_page_answers(sketch, start_server, connect):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server)
    has_state(page, "Connected")
    delays = flood(page, other, "{}")
    shown(page, str(FLOOD))
    frames(page)
    # Half of them: on a busy machine, a few may be late.
    assert delays[len(delays) // 2] < 500
