"""The p5.js client on every screen: all in view, readable, and usable with the keyboard alone."""

import json
import math
import os
import re

import pytest
from p5_pages import FOLDER, frames, resize, shown
from pages import SERVED, WIDE, accessible, has_state

pytestmark = pytest.mark.browser
SIZES = [(320, 640), (360, 740), (740, 360), (640, 400), (1366, 625), (1920, 1080)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(sketch, start_server, connect, scheme):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, color_scheme=scheme, viewport=WIDE)
    has_state(page, "Connected")
    accessible(page)
    other.send("12")
    other.send("w" * 400)
    shown(page, "w" * 400)
    for size in SIZES:
        resize(page, *size)
        accessible(page)
    page.locator("#address").fill("nowhere")
    page.locator("#address").press("Enter")
    accessible(page)
    server.kill()
    has_state(page, "Connection lost")
    accessible(page)
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    accessible(page)
    for state in ("Connecting …", "No answer", "Disconnecting …"):
        page.evaluate("state => show(state, 'ws://localhost/')", state)
        has_state(page, state)
        accessible(page)


def test_everything_is_on_the_first_screen(sketch, start_server, connect, window):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, within=window)
    has_state(page, "Connected")
    other.send("w" * 400)
    for wide, high in SIZES:
        resize(page, wide, high)
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        canvas = page.locator("canvas").bounding_box()
        assert canvas["y"] + canvas["height"] <= max(high, 660), (wide, high, canvas)
        assert canvas["y"] + 100 <= high and canvas["height"] >= 230, (wide, high, canvas)
        room = page.locator("main").bounding_box()
        assert abs(canvas["height"] - room["height"]) < 1 > abs(canvas["width"] - room["width"])
        cut = page.evaluate("""() => Array.from(document.querySelectorAll("button, label, #state"))
          .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)""")
        assert cut == [], (wide, high)


def test_last_message_has_a_role_and_a_label(sketch, start_server):
    page = sketch(start_server(SERVED))
    has_state(page, "Connected")
    assert page.get_by_role("status", name="Last message").text_content() == "Nothing yet"


def contrast(one, other):
    """The contrast of two colors, by the WCAG's formula."""

    def light(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
                 for each in parts]  # fmt: skip
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted([light(one), light(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name, place", [("LIGHT", 0), ("DARK", 1)])
def test_contrast_of_the_text_on_the_canvas(name, place):
    paper = re.findall(r"--card: (#\w+)", (FOLDER / "style.css").read_text("utf-8"))[place]
    source = (FOLDER / "graph.js").read_text("utf-8")
    paints = re.search(rf"^const {name} = {{.*?^}};", source, re.M | re.S).group()
    colors = re.findall(r"#\w{6}", re.sub(r"edge: .*", "", paints))
    assert len(colors) == 8
    assert min(contrast(each, paper) for each in colors) >= 4.5


def test_keyboard_alone(sketch, start_server, window):
    page = sketch(start_server(SERVED), within=window)
    has_state(page, "Connected")
    for name in ["address", "disconnect", "outgoing"]:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == name
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    shown(page, "5")


def test_screenshot(sketch, start_server, connect):
    """Makes the README's picture, if there is none or the variable SCREENSHOTS is set."""
    target = FOLDER / "screenshot.png"
    if not target.exists() or os.environ.get("SCREENSHOTS"):
        take_screenshot(sketch, start_server, connect, target)
    assert target.read_bytes().startswith(b"\x89PNG")


def take_screenshot(sketch, start_server, connect, target):
    server = start_server(SERVED, port=8080)
    other, page = connect(server.url), sketch(server, viewport={"width": 1280, "height": 720})
    has_state(page, "Connected")
    for step in range(300):
        light = 512 + 300 * math.sin(step / 30) + 40 * math.sin(step / 7)
        heat = 21 + 2 * math.sin(step / 50 + 1) + 0.3 * math.sin(step / 3)
        tilt = 40 * math.sin(step / 16) * math.cos(step / 90)
        message = {"light": round(light), "heat": round(heat, 1), "tilt": round(tilt)}
        other.send(json.dumps(message))
    shown(page, json.dumps(message))
    frames(page)
    page.screenshot(path=target)
