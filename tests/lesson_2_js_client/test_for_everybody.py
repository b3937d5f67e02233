"""The log pages on every screen, by keyboard alone, and for who hears them read aloud."""

import os

import pytest
from course import ROOT
from pages import KEYBOARD, PHONE, SERVED, WIDE, accessible, has_state, in_view, lines, send
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SMALL = {"width": 320, "height": 640}
SIDEWAYS = {"width": 740, "height": 360}
LONG = "4000, " + ("a reason of a server " * 6)[:123]
ZOOMED = {"width": 640, "height": 400}  # a screen of 1280 by 800 at 200 %


def test_keyboard_alone(visit):
    page = visit()[1]

    def press(key, focus):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == focus
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"

    if page.folder == "js_client":
        press("Tab", "address")
    for name in ["disconnect", "copy", "clear", "outgoing"]:
        press("Tab", name)
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(lines(page, "received")).to_have_text(["hello"])
    press("Tab", "send")
    press("Tab", "log")
    for name in ["send", "outgoing", "clear", "copy", "disconnect"]:
        press("Shift+Tab", name)
    press("Space", "connect")
    has_state(page, "Disconnected")
    press("Enter", "disconnect")
    has_state(page, "Connected")


# axe judges the document, which is the same one in every browser.
@pytest.mark.parametrize("page_of", ["js_client", SERVED], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme):
    server, page = visit(color_scheme=scheme, viewport=WIDE)

    def look(state):
        has_state(page, state)
        for size in (WIDE, PHONE, SIDEWAYS):
            page.set_viewport_size(size)
            accessible(page)

    look("Connected")
    send(page, '{"sensor": 512}')
    page.locator("summary").click()
    look("Connected")
    server.kill()
    look("Connection lost")
    page.locator("#disconnect").click()
    look("Disconnected")
    page.locator("#connect").click()
    look("No answer")
    # No try is under way any more that would end in between.
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    for state in ("Connecting …", "Disconnecting …"):
        page.evaluate("state => show(state, 'ws://localhost/')", state)
        look(state)


@pytest.mark.parametrize("size", [WIDE, PHONE, SMALL, SIDEWAYS, ZOOMED], ids=str)
def test_nothing_is_cut_and_nothing_sticks_out(visit, size):
    server, page = visit(viewport=size)

    def look(state):
        has_state(page, state)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate("document.documentElement.scrollHeight") <= size["height"]
        cut = page.evaluate("""Array.from(document.querySelectorAll("button, #state, #log, #count"))
          .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.id)""")
        assert cut == []
        # The box to type into is in view, and nothing above it covers it or another part.
        ends = page.evaluate("""["titlebar", "log", "speak"].map((id) => {
          const box = document.getElementById(id).getBoundingClientRect();
          return [box.top, box.bottom];
        })""")
        edges = [edge for pair in ends for edge in pair]
        assert edges == sorted(edges) and edges[-1] <= size["height"]
        return ends

    first = look("Connected")
    send(page, "w" * 400)
    send(page, '["not", "cut", "either"]')
    expect(lines(page, "received")).to_have_count(2)
    assert look("Connected") == first
    server.kill()
    lost = look("Connection lost")
    page.locator("#disconnect").click()
    assert look("Disconnected") == lost
    # The longest notes: a server's reason has up to 123 bytes.
    for state, about in (("No answer", "ws://classroom-pi.local/"), ("Connection lost", LONG)):
        page.evaluate("words => show(...words)", [state, about])
        look(state)
    # A smaller font in a field makes an iPhone zoom into the page.
    for field in page.locator("input").all():
        assert field.evaluate("(field) => parseFloat(getComputedStyle(field).fontSize)") >= 16


def test_a_phone_with_its_keyboard_open(visit, connect):
    """While it is connected, the header is one line: state, address, one button."""
    server, page = visit(viewport=KEYBOARD)
    other = connect(server.url)
    for number in range(12):
        other.send(f"message {number}")
    expect(lines(page, "received")).to_have_count(12)
    header = page.locator("header").bounding_box()
    assert header["height"] < 48
    for part in ("#state", "#note b", "#disconnect"):
        box = page.locator(part).bounding_box()
        assert header["y"] - 1 <= box["y"]
        assert box["y"] + box["height"] <= header["y"] + header["height"] + 1
    expect(page.locator("#note b")).to_have_text(f"ws://localhost:{server.port}/")
    assert page.locator("header :is(button, input):visible").count() == 1
    assert sum(in_view(page, line) for line in lines(page, "received").all()) >= 4
    button = page.locator("#send").bounding_box()
    assert button["y"] + button["height"] <= KEYBOARD["height"]
    page.locator("#disconnect").click()
    expect(page.locator("#connect")).to_be_visible()


@pytest.mark.parametrize("folder", ["js_client", SERVED])
def test_screenshot(start_server, open_page, folder):
    """Makes the README's picture, if there is none or the variable SCREENSHOTS is set."""
    picture = ROOT / folder / "screenshot.png"
    if not picture.exists() or os.environ.get("SCREENSHOTS"):
        take_screenshot(start_server, open_page, folder, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def take_screenshot(start_server, open_page, folder, picture):
    start_server(SERVED, port=3000)
    url = "http://localhost:3000/"
    one, two = open_page(url, viewport={"width": 1080, "height": 640}), open_page(url)
    if folder == "js_client":
        one.goto((ROOT / "js_client" / "index.html").as_uri())
        one.locator("#address").fill("ws://localhost:3000/")
        one.locator("#connect").click()
        one.locator("#clear").click()
    has_state(one, "Connected")
    has_state(two, "Connected")
    talk = [(one, "hello"), (two, "Good morning, class!"), (one, '{"sensor": 512}'), (two, "on")]
    for number, (page, text) in enumerate(talk, start=1):
        send(page, text)
        for each in (one, two):
            expect(lines(each, "received")).to_have_count(number)
    one.screenshot(path=picture)
