"""What the tests of the three pages share: a copy with another port, and what a page shows."""

import shutil
import time

import course
from course import ROOT
from playwright.sync_api import expect

expect.set_options(timeout=course.PATIENCE * 1000)
SERVED = "http_ws_server_example"
AXE = course.TESTS / "node_modules" / "axe-core" / "axe.min.js"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
KEYBOARD = {"width": 390, "height": 460}  # the same phone while somebody types


def copy_of(folder, home, port):
    """Copies a folder of pages, with another port in its address; returns its file: URL."""
    copy = shutil.copytree(ROOT / folder, home / folder)
    for page in copy.glob("*.html"):
        text = page.read_text("utf-8")
        assert "ws://localhost:8080/" in text
        page.write_text(text.replace("localhost:8080", f"localhost:{port}"), "utf-8")
    return (copy / "index.html").as_uri()


def has_state(page, words, note=""):
    """Waits until the page is in this state, and says this about it."""
    expect(page.locator("#state")).to_have_text(words)
    expect(page.locator("#note")).to_contain_text(note)


def send(page, text):
    page.locator("#outgoing").fill(text)
    page.locator("#outgoing").press("Enter")


def no_errors(page, *allowed):
    """The console holds nothing but what is allowed: the browser's own lines about a refusal."""
    allowed += ("ERR_CONNECTION_REFUSED", "can’t establish a connection", "was interrupted")
    assert [line for line in page.console if not any(word in line for word in allowed)] == []


def accessible(page):
    """Has axe-core look at the page as it is now."""
    if not AXE.exists():
        course.missing("axe-core is not in tests/node_modules")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []


A_SECOND = 1000
FLOOD = 8 * A_SECOND  # messages


def flood(page, other, text):
    """Lets the other client send text.format(1), (2) … that often, while somebody types x.

    Returns how long the page took from each key to its next frame, in ms, the shortest first.
    """
    page.evaluate("""() => {
      window.delays = [];
      messageField.addEventListener("keydown", (event) => requestAnimationFrame(() =>
        window.delays.push(performance.now() - event.timeStamp)));
    }""")
    page.locator("#outgoing").focus()
    began = time.monotonic()
    for number in range(1, FLOOD + 1):
        other.send(text.format(number))
        if number % 10 == 0:  # not sooner: that is the rate
            time.sleep(max(0, began + number / A_SECOND - time.monotonic()))
        if number % 400 == 0:
            page.keyboard.press("x")
    keys = FLOOD // 400
    expect(page.locator("#outgoing")).to_have_value("x" * keys)
    page.wait_for_function("keys => window.delays.length === keys", arg=keys)
    return sorted(page.evaluate("window.delays"))


# Counts the connections that a page asks for, the heartbeats that come, and the codes at the end.
RECORDER = """
delete URL.canParse;  // as in browsers of 2023
window.tries = 0;
window.beats = 0;
window.codes = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    window.tries += 1;
    this.addEventListener("message", (event) => { window.beats += event.data === ""; });
    this.addEventListener("close", (event) => window.codes.push(event.code));
  }
};
"""


def stop_clock(page):
    """From now on, the page's time passes by clock.run_for(), and chance is the longest pause."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.evaluate("Math.random = () => 1")


def lines(page, kind):
    """The texts of the log of this kind: sent, received or event."""
    return page.locator(f"#messages .{kind} span")


def in_view(page, line):
    """Tells whether a line of the log is inside the box that scrolls."""
    box, place = page.locator("#log").bounding_box(), line.bounding_box()
    top, foot = place["y"], place["y"] + place["height"]
    return box["y"] - 1 <= top and foot <= box["y"] + box["height"] + 1
