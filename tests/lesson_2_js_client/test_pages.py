"""The two pages of plain JavaScript, in a real browser: js_client and the one that is served.

A test with `page_of` runs for both: js_client is a copy opened from disk, with the test
server's port in its address; the other comes from the server itself.
"""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from course import PATIENCE, ROOT, free_port
from pages import PHONE, SERVED, WIDE, accessible, copy_of, has_state, no_errors, send
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE * 1000)

# Counts the connections that a page asks for, and the codes with which they end.
RECORDER = """
window.tries = 0;
window.codes = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    window.tries += 1;
    this.addEventListener("close", (event) => window.codes.push(event.code));
  }
};
"""


@pytest.fixture(params=["js_client", SERVED])
def page_of(request, open_page, tmp_path):
    """Returns page_of(server or port): the page, open and recording; page.folder is its kind."""

    def open_one(server, **options):
        port = getattr(server, "port", server)
        url = f"http://localhost:{port}/"
        if request.param == "js_client":
            home = tmp_path / str(len(list(tmp_path.iterdir())))
            url = copy_of("js_client", home, port)
        page = open_page(url, prepare=lambda page: page.add_init_script(RECORDER), **options)
        page.folder = request.param
        return page

    return open_one


def lines(page, kind):
    """The texts of the log of this kind: sent, received or event."""
    return page.locator(f"#messages .{kind} span")


# ---- Connecting ----------------------------------------------------------------------


def test_connects_by_itself(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected", f"ws://localhost:{server.port}/")
    expect(lines(page, "event")).to_have_text(["connected"])
    assert page.title() == "WebSocket client"
    no_errors(page)
    # The icon is in the page: it asks for two files and no favicon.ico.
    if page.folder == SERVED:
        assert page.evaluate("performance.getEntriesByType('resource').length") == 2


def test_from_disk_the_address_is_that_of_the_first_lesson():
    page = (ROOT / "js_client" / "index.html").read_text("utf-8")
    assert 'value="ws://localhost:8080/"' in page


def test_two_pages_talk(start_server, page_of):
    server = start_server(SERVED)
    one, two = page_of(server), page_of(server)
    has_state(one, "Connected")
    has_state(two, "Connected")
    send(one, "hello")
    expect(lines(two, "received")).to_have_text(["hello"])
    expect(lines(one, "sent")).to_have_text(["hello"])
    send(two, "Grüße 👋")
    expect(lines(one, "received")).to_have_text(["hello", "Grüße 👋"])
    assert re.fullmatch(r"\d\d:\d\d:\d\d", one.locator("#messages time").first.inner_text())
    no_errors(one)


def test_what_the_first_lesson_sends_is_shown_as_it_is(start_server, open_page, tmp_path):
    server = start_server("ws_server_example")
    page = open_page(copy_of("js_client", tmp_path, server.port))
    has_state(page, "Connected")
    send(page, 'say "hi"')
    expect(lines(page, "received")).to_have_text(re.compile(r'^"[0-9.:]+: say \\"hi\\""$'))


def test_server_that_is_not_there(start_server, open_page, tmp_path):
    port = free_port()
    page = open_page(copy_of("js_client", tmp_path, port))
    has_state(page, "No answer", f"Is server.py running? Nobody answers at ws://localhost:{port}/")
    assert page.locator("#send").is_disabled()
    start_server(SERVED, port=port)
    has_state(page, "Connected", "You are talking to")
    no_errors(page)


def test_lost_and_back(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    server.kill()
    has_state(page, "Connection lost", "Code 1006, it broke off without a goodbye. Trying again")
    # Several tries later, when the pauses have grown:
    page.wait_for_function("tries >= 3")
    start_server(SERVED, port=server.port)
    began = time.monotonic()
    has_state(page, "Connected", "The server is back.")
    assert time.monotonic() - began < 6
    expect(lines(page, "event").last).to_have_text("connected again")
    send(page, "still here")
    expect(lines(page, "received")).to_have_text(["still here"])
    no_errors(page)


def test_a_server_that_is_stopped_says_goodbye(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    assert server.stop() == 0
    has_state(page, "Connection lost", "Code 1001")
    expect(lines(page, "event").last).to_contain_text("1001")


def stop_clock(page):
    page.clock.install(time=0)
    page.clock.pause_at(1000)


def test_pauses_grow_until_disconnect(start_server, page_of):
    """With a clock of its own the page waits as long as it is told to, on any machine."""
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    for ended, pause in enumerate([500, 1000, 2000, 4000, 5000, 5000], start=1):
        page.wait_for_function("ended => codes.length === ended", arg=ended)
        page.clock.run_for(pause - 1)
        assert page.evaluate("tries") == ended
        page.clock.run_for(1)
        assert page.evaluate("tries") == ended + 1
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.clock.run_for(60_000)
    assert page.evaluate("tries") == 7
    no_errors(page)


def test_disconnect_and_connect(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected", "Press Connect")
    server.expect("connection closed")
    assert page.evaluate("codes") == [1000]
    assert page.locator("#send").is_disabled() and page.locator("#disconnect").is_disabled()
    send(page, "into nothing")
    expect(lines(page, "sent")).to_have_count(0)
    expect(page.locator("#outgoing")).to_have_value("into nothing")
    page.keyboard.press("Tab")
    page.locator("#connect").click()
    has_state(page, "Connected")
    no_errors(page)


def test_one_connection_however_often_connect_is_pressed(start_server, page_of, connect):
    server = start_server(SERVED)
    page = page_of(server)
    for _ in range(5):
        page.locator("#connect").click()
    page.locator("#connect").dblclick()
    has_state(page, "Connected")
    other = connect(server.url)
    other.send("once")
    expect(lines(page, "received")).to_have_text(["once"])
    assert page.evaluate("tries") == 1
    assert server.output.count("New Connection") == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that freezes a program")
def test_frozen_server(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.locator("#disconnect").click()
        has_state(page, "Disconnecting …")
        page.locator("#connect").click()
        has_state(page, "Connecting …")
    finally:
        server.process.send_signal(signal.SIGCONT)
    has_state(page, "Connected")
    server.expect("connection closed")
    send(page, "one")
    expect(lines(page, "received")).to_have_text(["one"])


def test_nobody_answers_at_all(page_of, start_server, raw):
    """A server that takes the connection and then says nothing is given up, and asked again."""
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.locator("#disconnect").click()
        page.locator("#connect").click()
        has_state(page, "Connecting …")
        page.clock.run_for(8000)
        has_state(page, "No answer", "Is server.py running?")
    finally:
        server.process.send_signal(signal.SIGCONT)


# ---- Addresses that can't work --------------------------------------------------------


def test_addresses(start_server, open_page, tmp_path):
    server = start_server(SERVED)
    page = open_page(copy_of("js_client", tmp_path, server.port))
    has_state(page, "Connected")
    for address in ["", "hello", "localhost:8080", "127.0.0.1:8080", "ws://localhost:99999/",
                    "ws://localhost:8080/#x", "ftp://localhost:8080/", "ws://"]:  # fmt: skip
        page.locator("#address").fill(address)
        page.locator("#address").press("Enter")
        has_state(page, "Disconnected", "That is no address. One looks like this: ws://")
    page.locator("#address").fill(f"  ws://127.0.0.1:{server.port}/ ")
    page.locator("#address").press("Enter")
    has_state(page, "Connected", f"ws://127.0.0.1:{server.port}/")
    no_errors(page)


def test_port_missing(open_page, tmp_path):
    page = open_page(copy_of("js_client", tmp_path, free_port()))
    page.locator("#address").fill("ws://127.0.0.1/")
    page.locator("#connect").click()
    has_state(page, "No answer", "ws://127.0.0.1/, without a port such as :8080")


def test_https_page(open_page):
    def serve(page):
        page.route("https://course.test/*", lambda route: route.fulfill(
            path=ROOT / "js_client" / (Path(route.request.url).name.replace("course.test", "")
                                       or "index.html")))  # fmt: skip

    page = open_page("https://course.test/index.html", prepare=serve)
    page.locator("#address").fill("ws://server.test:8080/")
    page.locator("#connect").click()
    has_state(page, "Disconnected", "This page came by https")
    # On a page from a server, a browser takes this for the name of a page beside it.
    page.locator("#address").fill("127.0.0.1:8080")
    page.locator("#connect").click()
    has_state(page, "Disconnected", "That is no address.")
    # The page is alive: another address is tried.
    page.locator("#address").fill(f"ws://localhost:{free_port()}/")
    page.locator("#connect").click()
    has_state(page, "No answer", "Is server.py running?")


def test_served_page_opened_from_disk(open_page):
    page = open_page((ROOT / SERVED / "public" / "index.html").as_uri())
    has_state(page, "Disconnected", "start server.py, open http://localhost:3000/")
    no_errors(page)


# ---- Messages -------------------------------------------------------------------------


def test_sending(start_server, page_of, connect):
    server = start_server(SERVED)
    page, other = page_of(server), connect(server.url)
    has_state(page, "Connected")
    page.locator("#outgoing").press("Enter")
    send(page, "same")
    send(page, "same")
    page.locator("#outgoing").fill("by the button")
    page.locator("#send").click()
    page.locator("#outgoing").fill("Tab sends nothing")
    page.keyboard.press("Tab")
    send(page, "last")
    for text in ["same", "same", "by the button", "last"]:
        assert other.recv(timeout=PATIENCE) == text
    expect(lines(page, "sent")).to_have_text(["same", "same", "by the button", "last"])
    expect(page.locator("#outgoing")).to_have_value("")


def test_messages_are_shown_and_never_run(start_server, page_of, connect):
    server = start_server(SERVED)
    page, other = page_of(server), connect(server.url)
    has_state(page, "Connected")
    bad = [
        '<img src=x onerror="document.title = 1">',
        "</script><script>document.title = 1</script>",
        '"><svg onload="document.title = 1">',
        "<b>bold</b> & &amp;",
    ]
    for text in bad:
        other.send(text)
    expect(lines(page, "received")).to_have_text(bad)
    send(page, bad[0])
    expect(lines(page, "sent")).to_have_text([bad[0]])
    assert page.locator("img, svg, main script, #messages span *").count() == 0
    assert page.title() == "WebSocket client"
    no_errors(page)


def test_every_kind_of_message(start_server, page_of, connect):
    server = start_server(SERVED)
    page, other = page_of(server), connect(server.url)
    has_state(page, "Connected")
    other.send('{"sensor": 512}')
    other.send(b"\x00\x01\xff")
    other.send(bytes(100))
    other.send(b"")
    other.send("two\nlines")
    expect(lines(page, "received").last).to_have_text("two\nlines")
    assert lines(page, "received").all_inner_texts() == [
        '{"sensor": 512}', "3-byte message: 00 01 ff", "100-byte message:" + " 00" * 16 + " …",
        "0-byte message: ", "two\nlines"]  # fmt: skip
    # A page cuts such a message in pieces on its way; of what comes back, it shows a part.
    page.locator("#outgoing").evaluate("(field) => { field.value = 'ä'.repeat(200000); }")
    page.locator("#outgoing").press("Enter")
    expect(lines(page, "received").last).to_have_text("ä" * 2000 + " … (200000 characters)")
    for _ in range(5):
        other.recv(timeout=PATIENCE)
    assert other.recv(timeout=PATIENCE) == "ä" * 200000


def test_ten_thousand_messages(start_server, page_of, connect):
    server = start_server(SERVED)
    page, other = page_of(server), connect(server.url)
    has_state(page, "Connected")
    page.evaluate("""() => {
      window.longest = 0;
      let last = performance.now();
      const frame = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    }""")
    for number in range(10_000):
        other.send(f"message {number}")
        if number == 5000:
            send(page, "in the middle")
    newest = lines(page, "received").last
    expect(newest).to_have_text(re.compile("message 9999|in the middle"))
    expect(page.locator("#messages li")).to_have_count(500)
    assert in_view(page, newest)
    assert page.evaluate("longest") < 2000  # milliseconds in which the page stood still
    no_errors(page)


def in_view(page, line):
    """Tells whether a line of the log is inside the box that scrolls."""
    box, place = page.locator("#log").bounding_box(), line.bounding_box()
    return place["y"] >= box["y"] - 1 and (
        place["y"] + place["height"] <= box["y"] + box["height"] + 1)  # fmt: skip


def test_newest_in_view_unless_scrolled_up(start_server, page_of, connect):
    server = start_server(SERVED)
    page, other = page_of(server), connect(server.url)
    has_state(page, "Connected")
    for number in range(60):
        other.send(f"message {number}")
    shown = lines(page, "received")
    expect(shown).to_have_count(60)
    assert in_view(page, shown.last)
    page.locator("#log").focus()
    page.keyboard.press("Home")
    page.wait_for_function("Math.abs(messages.getBoundingClientRect().top"
                           " - log.getBoundingClientRect().top) < 2")  # fmt: skip
    for number in range(60, 70):
        other.send(f"message {number}")
    expect(shown).to_have_count(70)
    assert in_view(page, shown.first) and not in_view(page, shown.last)
    page.keyboard.press("End")
    page.wait_for_function("log.scrollTop === 0")
    other.send("the end")
    expect(shown.last).to_have_text("the end")
    assert in_view(page, shown.last)


# ---- For everybody --------------------------------------------------------------------


def test_keyboard_alone(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    passed = []
    while not passed or passed[-1] != "outgoing":
        page.keyboard.press("Tab")
        passed.append(page.evaluate("document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert len(passed) < 8, passed
    assert passed[-4:] == ["connect", "disconnect", "log", "outgoing"]
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(lines(page, "received")).to_have_text(["hello"])
    for name in ["send", "outgoing", "log", "disconnect"]:
        page.keyboard.press("Tab" if name == "send" else "Shift+Tab")
        assert page.evaluate("document.activeElement.id") == name
    page.keyboard.press("Space")
    has_state(page, "Disconnected")
    page.keyboard.press("Enter")
    has_state(page, "Connected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(start_server, page_of, scheme):
    server = start_server(SERVED)
    page = page_of(server, color_scheme=scheme, viewport=WIDE)
    has_state(page, "Connected")
    send(page, "hello")
    expect(lines(page, "received")).to_have_text(["hello"])
    accessible(page)
    page.set_viewport_size(PHONE)
    accessible(page)
    server.kill()
    has_state(page, "Connection lost")
    accessible(page)
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    accessible(page)


@pytest.mark.parametrize("size", [WIDE, PHONE, {"width": 320, "height": 640}], ids=str)
def test_nothing_jumps_and_nothing_sticks_out(start_server, page_of, size):
    server = start_server(SERVED)
    page = page_of(server, viewport=size)

    def places():
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate("log.scrollWidth <= log.clientWidth")
        return page.evaluate("""["connection", "log", "speak"].map((id) => {
          const box = document.getElementById(id).getBoundingClientRect();
          return [box.x + scrollX, box.y + scrollY, box.width, box.height];
        })""")

    has_state(page, "Connected")
    first = places()
    send(page, "w" * 400)
    expect(lines(page, "received")).to_have_text(["w" * 400])
    assert places() == first
    server.kill()
    has_state(page, "Connection lost")
    assert places() == first
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    assert places() == first
    # Smaller letters in a field make an iPhone zoom into the page.
    for field in page.locator("input").all():
        assert (
            float(field.evaluate("(field) => parseFloat(getComputedStyle(field).fontSize)")) >= 16
        )


@pytest.mark.parametrize("folder", ["js_client", SERVED])
def test_screenshot(start_server, open_page, folder):
    """Makes the README's picture, if there is none or the variable SCREENSHOTS is set."""
    picture = ROOT / folder / "screenshot.png"
    if not picture.exists() or os.environ.get("SCREENSHOTS"):
        take_screenshot(start_server, open_page, folder, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def take_screenshot(start_server, open_page, folder, picture):
    if folder == SERVED:
        port = start_server(SERVED, port=3000).port
        url = f"http://localhost:{port}/"
    else:
        start_server("ws_server_example", port=8080)
        url = (ROOT / "js_client" / "index.html").as_uri()
    one, two = open_page(url, viewport=WIDE), open_page(url)
    has_state(one, "Connected")
    has_state(two, "Connected")
    talk = [(one, "hello"), (two, "Good morning, class!"), (one, '{"sensor": 512}'), (two, "on")]
    for number, (page, text) in enumerate(talk, start=1):
        send(page, text)
        for each in (one, two):
            expect(lines(each, "received")).to_have_count(number)
    one.screenshot(path=picture)


# ---- Firefox --------------------------------------------------------------------------


def test_firefox(start_server, page_of, firefox, connect):
    server = start_server(SERVED)
    page, other = page_of(server, within=firefox), connect(server.url)
    has_state(page, "Connected")
    send(page, "hello")
    assert other.recv(timeout=PATIENCE) == "hello"
    other.send("<img src=x onerror='document.title = 1'>")
    other.send(b"\x01")
    expect(lines(page, "received")).to_have_text(
        ["hello", "<img src=x onerror='document.title = 1'>", "1-byte message: 01"])  # fmt: skip
    for number in range(600):
        other.send(f"message {number}")
    expect(lines(page, "received").last).to_have_text("message 599")
    expect(page.locator("#messages li")).to_have_count(500)
    assert in_view(page, lines(page, "received").last)
    server.kill()
    has_state(page, "Connection lost", "Code 1006")
    page.wait_for_function("tries >= 3")
    start_server(SERVED, port=server.port)
    began = time.monotonic()
    has_state(page, "Connected", "The server is back.")
    assert time.monotonic() - began < 15
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    assert page.title() == "WebSocket client"
