"""The log pages on every screen, by keyboard alone, and for people who have them read aloud."""

import pytest
from pages import KEYBOARD, PHONE, WIDE, accessible, has_state, in_view, lines, send
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SMALL = {"width": 320, "height": 640}
SIDEWAYS = {"width": 740, "height": 360}
ZOOMED = {"width": 640, "height": 400}  # a screen of 1280 by 800 at 200 %
WORDS = ["ws://classroom.home.arpa:8080/", "a reason " * 15]
STATES = ["Connecting …", "No answer", "Connected", "Connection lost", "Disconnecting …",
          "Disconnected"]  # fmt: skip


def test_keyboard_alone(visit):
    page = visit()[1]

    def press(key, focus):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == focus
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"

    if page.locator("#address").count():
        press("Tab", "address")
    for name in ["disconnect", "copy", "clear", "outgoing"]:
        press("Tab", name)
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(lines(page, "received")).to_have_text(["hello"])
    for name in ["send", "log"]:
        press("Tab", name)
    for name in ["send", "outgoing", "clear", "copy", "disconnect"]:
        press("Shift+Tab", name)
    press("Space", "connect")
    has_state(page, "Disconnected")


@pytest.mark.parametrize(
    "size, scheme",
    [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark"), (SMALL, "light"),
     (SIDEWAYS, "dark"), (ZOOMED, "light")], ids=str)  # fmt: skip
def test_nothing_is_cut_and_axe_finds_nothing(visit, size, scheme):
    page = visit(viewport=size, color_scheme=scheme)[1]

    def look():
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate("document.documentElement.scrollHeight") <= size["height"]
        cut = page.evaluate("""Array.from(document.querySelectorAll("button, #state, #log, #count"))
          .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.id)""")
        assert cut == []
        # The box to type into is in view, and nothing above it covers it or another part.
        edges = page.evaluate("""["titlebar", "log", "speak"].flatMap((id) => {
          const box = document.getElementById(id).getBoundingClientRect();
          return [box.top, box.bottom];
        })""")
        assert edges == sorted(edges) and edges[-1] <= size["height"]

    look()
    send(page, "w" * 400)
    send(page, '{"not": "cut", "either": "!"}')
    page.locator("summary").click()
    for state in STATES:
        page.evaluate("words => show(...words)", [state, *WORDS])
        look()
        if state == "Connected" and size["width"] < 640:
            assert page.locator("header").bounding_box()["height"] < 48
    # A smaller font in a field makes an iPhone zoom into the page.
    for field in page.locator("input").all():
        assert field.evaluate("(field) => parseFloat(getComputedStyle(field).fontSize)") >= 16


def test_a_phone_with_its_keyboard_open(visit):
    """While it is connected, the header is one line: state, address, one button."""
    server, page = visit(viewport=KEYBOARD)
    for number in range(12):
        send(page, f"message {number}")
    expect(lines(page, "received")).to_have_count(12)
    assert page.locator("header").bounding_box()["height"] < 48
    expect(page.locator("#note b")).to_have_text(f"ws://localhost:{server.port}/")
    expect(page.locator("#note b")).to_be_in_viewport(ratio=1)
    assert page.locator("header :is(button, input):visible").count() == 1
    assert sum(in_view(page, line) for line in lines(page, "received").all()) >= 4
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    server.kill()
    has_state(page, "Connection lost")
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
