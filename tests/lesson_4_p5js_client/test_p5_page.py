"""The p5.js client as a page: p5.js itself, every screen, the keyboard alone, the README."""

import base64
import hashlib
import shutil

import pytest
from p5_pages import FOLDER, drawn, frames, lines_for, p5_file, picture, resize, shown
from pages import KEYBOARD, SERVED, WIDE, accessible, has_state, no_errors
from playwright.sync_api import expect
from terminals import BUILD, edit, read_blocks

pytestmark = pytest.mark.browser
SIZES = [(320, 640), (360, 740), (740, 360), (640, 400), (1366, 625), (1920, 1080)]
BLOCKS = read_blocks(FOLDER / "README.md")
WRONG = {"body": "document.title = 'run'", "headers": {"Access-Control-Allow-Origin": "*"}}
NETWORKS = {
    "gone": lambda route: route.abort(),
    "changed": lambda route: route.fulfill(**WRONG),
    "hangs": lambda route: None,
}


def test_integrity(major):
    library, version = p5_file(major)
    number = base64.b64encode(hashlib.sha384(library.read_bytes()).digest()).decode()
    assert lines_for(major).groups()[1:] == (version, f"sha384-{number}")


@pytest.mark.parametrize("cdn", NETWORKS)
def test_p5_can_not_be_loaded(sketch, start_server, tmp_path, major, cdn):
    """Then it helps to put p5.min.js into the folder."""
    page = sketch(start_server(SERVED), major, cdn=NETWORKS[cdn])
    page.locator("#address").fill("ws://192.168.1.5:8080/")
    page.locator("#connect").click()
    page.clock.fast_forward(8_000)
    has_state(page, "Disconnected", "p5.js didn't load.")
    expect(page.locator("#address")).to_have_value("ws://192.168.1.5:8080/")
    assert page.title() == "WebSocket client in p5.js"
    shutil.copy(p5_file(major)[0], tmp_path / "p5js_client")
    page.reload(wait_until="commit")
    expect(page.locator("#connect")).to_be_attached()
    page.clock.fast_forward(8_000)
    has_state(page, "Connected")
    frames(page)


@pytest.mark.parametrize("window, scheme", [("Chromium", "light"), ("Chromium", "dark"),
                         ("Firefox", "light")], indirect=["window"])  # fmt: skip
def test_every_screen(sketch, start_server, connect, window, scheme):
    """Everything is on the first screen, nothing is cut, and axe finds nothing in any state."""
    server = start_server(SERVED)
    other = connect(server.url)
    page = sketch(server, within=window, color_scheme=scheme, viewport=WIDE)
    has_state(page, "Connected")
    other.send("w" * 400)
    shown(page, "w" * 400)
    for wide, high in SIZES:
        resize(page, wide, high)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        canvas = page.locator("canvas").bounding_box()
        assert canvas["y"] + canvas["height"] <= high and canvas["height"] >= 230
        cut = page.evaluate("""() => Array.from(document.querySelectorAll("button, #state"))
          .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)""")
        assert cut == [], (wide, high)
    for state in ("Connecting …", "No answer", "Connection lost", "Disconnecting …"):
        page.evaluate("state => show(state, 'ws://localhost/', 'Code 1006')", state)
        has_state(page, state)
        accessible(page)
    # axe can't see into a canvas, so it's given the colors of the lines as texts.
    page.evaluate("""colors => { document.querySelector("main").innerHTML = colors.map((color) =>
      `<p style="color: ${color}">${color}</p>`).join(""); }""",
      page.evaluate(scheme.upper()))  # fmt: skip
    accessible(page)


def test_a_phone_with_its_keyboard_open(sketch, start_server):
    """While it is connected, the header has one line: state, address, one button."""
    server = start_server(SERVED)
    page = sketch(server, viewport=KEYBOARD)
    has_state(page, "Connected")
    expect(page.locator("#connection :visible")).to_have_text(["Disconnect"])
    for name in ("#state", "#note", "#connect", "#send", "canvas"):
        expect(page.locator(name)).to_be_in_viewport(ratio=1)
    assert page.locator("canvas").bounding_box()["height"] > 200
    page.evaluate("noteLine.textContent = 'ws://classroom.home.arpa:8080/sketch'")
    assert page.locator("#speak").bounding_box()["y"] < 60
    for words in ("autocapitalize=off", "autocorrect=off", "spellcheck=false"):
        expect(page.locator("#outgoing")).to_have_attribute(*words.split("="))
    server.kill()
    has_state(page, "Connection lost")
    expect(page.locator("canvas")).to_be_in_viewport(ratio=1)
    page.locator("#connect").click()
    expect(page.locator("#address")).to_be_visible()


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_each_step_draws(sketch, start_server, major, step):
    steps = [block for block in BLOCKS if block.section == BUILD]

    def build(folder):
        (folder / "sketch.js").write_text(steps[0].text, "utf-8")
        for block in steps[1:step]:
            edit(block, folder, files=[folder / "sketch.js"])

    page = sketch(start_server(SERVED), major, change=build)
    has_state(page, "Connected")
    before = picture(page)
    page.evaluate("""["5", "9", '{"light": 2}'].forEach((each) => messageReceived(each))""")
    assert picture(page) != before
    found = drawn(page)
    assert [len(line) for line in found["lines"]] == ([] if step < 3 else [2, 1])
    words = [each["words"] for each in found["texts"]]
    assert ({'{"light": 2}'} if step == 1 else {"2", "light"}) <= set(words)
    no_errors(page)


def test_first_exercises(sketch, start_server, connect, major):
    server = start_server("ws_server_example")
    exercises = [block for block in BLOCKS if block.heading == "Try this next"]
    text = "".join(block.text for block in exercises if block.kind == "js")
    page = sketch(server, major, change=lambda folder: (folder / "sketch.js").write_text(text))
    has_state(page, "Connected")
    page.locator("#outgoing").fill("not sent yet")
    other = connect(server.url)
    before = picture(page)
    other.send("200")
    page.wait_for_function("size === 200")
    assert picture(page) != before
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 60)
    page.wait_for_function("size === 60")
    expect(page.locator("#outgoing")).to_have_value("not sent yet")
    no_errors(page)
