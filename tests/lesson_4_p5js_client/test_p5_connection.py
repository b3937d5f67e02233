"""The connection of the p5.js client: as in js_client, word for word, and tried in browsers."""

import re
import socket

import pytest
from course import ROOT, free_port
from p5_pages import FOLDER, frames, p5_file, picture, shown
from pages import FLOOD, SERVED, flood, has_state, no_errors, send

pytestmark = pytest.mark.browser
SHARED = ["connect", "openSocket", "connectionOpened", "connectionClosed", "disconnect",
          "sendMessage", "isOpen"]  # fmt: skip


def function_of(folder, name):
    """Returns a function with its comment, from whichever file of the folder has it."""
    for path in sorted((ROOT / folder).glob("*.js")):
        found = re.search(rf"^function {name}\(.*?^}}", path.read_text("utf-8"), re.M | re.S)
        if found:
            return found.group()
    return pytest.fail(f"{folder} has no function {name}")


@pytest.mark.parametrize("name", SHARED)
def test_same_lines_as_in_js_client(name):
    assert function_of("p5js_client", name) == function_of("js_client", name)


def test_connects_talks_and_comes_back(sketch, start_server, connect, major):
    server = start_server(SERVED)
    other = connect(server.url)
    page = sketch(server, major)
    has_state(page, "Connected", f"ws://localhost:{server.port}/")
    assert page.title() == "● Connected - WebSocket client in p5.js"
    for _ in range(5):
        page.locator("#address").press("Enter")
    send(page, "hello")
    page.locator("#send").click()  # The field is empty now.
    send(page, "hello")
    assert [other.recv(timeout=30) for _ in range(2)] == ["hello", "hello"]
    other.send("<img src=x onerror='document.title = 1'>")
    shown(page, "<img src=x onerror='document.title = 1'>")
    other.send(b"\x00\x01")
    shown(page, "2-byte message")
    server.kill()
    has_state(page, "Connection lost", "Code 1006, it broke off without a goodbye. Trying again")
    page.wait_for_function("socket.readyState === WebSocket.CLOSED")
    assert page.title().startswith("○ Connection lost")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected", "Press Connect")
    assert page.evaluate("document.activeElement.id") == "connect"
    no_errors(page)


def test_the_code_of_the_end_stays_in_view_while_it_tries_again(sketch, start_server):
    server = start_server(SERVED)
    page = sketch(server)
    has_state(page, "Connected")
    server.stop()
    has_state(page, "Connection lost", "Code 1001")
    page.evaluate("window.first = socket")
    page.wait_for_function("socket !== first && socket.readyState === WebSocket.CLOSED")
    has_state(page, "Connection lost", "Code 1001")


def test_server_that_is_not_there(sketch, start_server):
    port = free_port()
    page = sketch(port)
    has_state(page, "No answer", f"Is server.py running? Nobody answers at ws://localhost:{port}/")
    send(page, "too early")
    page.locator("#address").fill("localhost:8080")
    page.locator("#address").press("Enter")
    has_state(page, "No answer", "isn't a WebSocket address.")
    page.evaluate("window.first = socket")
    page.wait_for_function("socket !== first && socket.readyState === WebSocket.CLOSED")
    has_state(page, "No answer", "isn't a WebSocket address.")
    page.locator("#address").fill(f"ws://127.0.0.1:{port}/")
    start_server(SERVED, port=port)
    page.locator("#address").press("Enter")
    has_state(page, "Connected", f"ws://127.0.0.1:{port}/")
    no_errors(page)


def test_server_that_accepts_and_does_not_answer(sketch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        page = sketch(silent.getsockname()[1])
        has_state(page, "Connecting …", "Asking")
        page.wait_for_function("state.textContent === 'No answer'")
        page.locator("#connect").click()
        has_state(page, "Connecting …", "Asking")


def test_from_an_https_page(open_page):
    """As in the web editor of p5.js: localhost may be opened, other addresses may not."""
    library, _ = p5_file(1)

    def answer(route):
        name = route.request.url.split("/")[-1]
        path = library if name == "p5.min.js" else FOLDER / name
        route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})

    page = open_page(
        "https://editor.test/index.html", prepare=lambda page: page.route("https://**/*", answer)
    )
    page.locator("#address").fill("ws://server.test:8080/")
    page.locator("#connect").click()
    page.wait_for_function("note.textContent.startsWith('This page came by https')")


def test_firefox(sketch, start_server, firefox, connect, major):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major, within=firefox)
    has_state(page, "Connected")
    before = picture(page)
    other.send("light:512")
    shown(page, "light:512")
    assert picture(page) != before
    server.kill()
    has_state(page, "Connection lost", "Code 1006")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back")
    no_errors(page, "can’t establish a connection", "was interrupted")


def test_a_thousand_messages_a_second_and_the_page_answers(sketch, start_server, connect):
    """None is lost: what the graph holds at any time is a run of numbers without a gap."""
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server)
    has_state(page, "Connected")
    page.evaluate("""() => {
      window.lost = 0;
      window.seen = 0;
      const add = addValue;
      addValue = (name, value) => {
        if (value !== window.seen + 1) window.lost += 1;
        window.seen = value;
        add(name, value);
      };
    }""")
    delays = flood(page, other, "{}")
    page.wait_for_function("all => window.seen === all", arg=FLOOD)
    frames(page)
    assert page.evaluate("window.lost") == 0
    # Half of them: on a busy machine, a single one may be late.
    assert delays[len(delays) // 2] < 100
