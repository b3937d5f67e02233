"""The p5.js client in a real browser, with both major versions of p5.js.

The npm file of p5.js stands in for the address in index.html; the browser checks that it
is the same file, by its integrity number.
"""

import base64
import hashlib
import json
import math
import os
import re
import shutil

import course
import pytest
from course import ROOT, TESTS, free_port
from pages import PHONE, SERVED, WIDE, accessible, copy_of, has_state, no_errors, send

pytestmark = pytest.mark.browser
FOLDER = ROOT / "p5js_client"
SCRIPT = re.compile(
    r'<script src="(https://cdn\.jsdelivr\.net/npm/p5@([0-9.]+)/lib/p5\.min\.js)"\s+'
    r'integrity="(sha384-[^"]+)"\s+crossorigin="anonymous"'
)


def p5_file(major):
    """Returns the path and the version of p5.js 1 or 2, as npm has brought it."""
    folder = TESTS / "node_modules" / f"p5-{major}"
    if not folder.exists():
        course.missing(f"p5.js {major} is not in tests/node_modules")
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    return folder / "lib" / "p5.min.js", version


def lines_for(major):
    """The element that loads p5.js: of version 1 in index.html, of version 2 in the README."""
    text = (FOLDER / ("index.html" if major == 1 else "README.md")).read_text("utf-8")
    return SCRIPT.search(text)


@pytest.fixture
def sketch(open_page, tmp_path):
    """Returns sketch(server or port, major=1, cdn=None): the page with p5.js of that version.

    cdn(route) answers for the network, in place of the right file.
    """

    def open_one(server, major=1, cdn=None, own_p5=False, **options):
        library, _ = p5_file(major)
        address = copy_of("p5js_client", tmp_path, getattr(server, "port", server))
        home = tmp_path / "p5js_client"
        page = (home / "index.html").read_text("utf-8")
        if major == 2:
            page = page.replace(lines_for(1).group(), lines_for(2).group())
        (home / "index.html").write_text(page, "utf-8")
        if own_p5:
            shutil.copy(library, home / "p5.min.js")

        def answer(route):
            route.fulfill(path=library, headers={"Access-Control-Allow-Origin": "*"})

        return open_page(
            address, prepare=lambda page: page.route("https://**/*", cdn or answer), **options
        )

    return open_one


def frames(page, count):
    """Waits until so many more frames have been drawn."""
    page.wait_for_function("goal => frameCount >= goal", arg=page.evaluate("frameCount") + count)


def picture(page):
    """What is on the canvas, once everything that has come is drawn."""
    frames(page, 3)
    return page.evaluate("document.querySelector('canvas').toDataURL()")


def shown(page, text):
    page.wait_for_function("text => latest.textContent === text", arg=text)


@pytest.fixture(params=[1, 2], ids=["p5-1", "p5-2"])
def major(request):
    return request.param


# ---- p5.js itself ---------------------------------------------------------------------


def test_integrity(major):
    library, version = p5_file(major)
    number = base64.b64encode(hashlib.sha384(library.read_bytes()).digest()).decode()
    assert lines_for(major).groups()[1:] == (version, f"sha384-{number}")


def test_no_name_of_p5_is_hidden(sketch, major):
    """Every name that sketch.js gives to something of its own is free in p5.js."""
    source = (FOLDER / "sketch.js").read_text("utf-8")
    names = set(re.findall(r"\b(?:let|const|function)\s+(\w+)", source))
    for group in re.findall(r"function \w+\((.*)\)|\(([\w, \[\]]*)\) =>|const \[(.*)\] =", source):
        names |= set(re.findall(r"\w*[a-z]\w*", " ".join(group)))
    names -= {"setup", "draw", "windowResized"}
    assert {"graphs", "socket", "drawGraph", "paint", "low"} <= names
    page = sketch(free_port(), major)
    taken = page.evaluate("names => names.filter((name) => name in p5.prototype)", list(names))
    assert taken == []


def test_network_gone(sketch):
    page = sketch(free_port(), cdn=lambda route: route.abort())
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")
    assert page.locator("canvas").count() == 0
    no_errors(page, "ERR_FAILED", "ERR_FILE_NOT_FOUND")


def test_network_gone_but_p5_is_in_the_folder(sketch, start_server):
    server = start_server(SERVED)
    page = sketch(server, cdn=lambda route: route.abort(), own_p5=True)
    has_state(page, "Connected")
    frames(page, 3)
    no_errors(page, "ERR_FAILED")


def test_a_changed_file_is_not_run(sketch):
    def other_file(route):
        route.fulfill(body="document.title = 'run'", headers={"Access-Control-Allow-Origin": "*"})

    page = sketch(free_port(), cdn=other_file)
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")
    assert page.title() == "WebSocket client in p5.js"


# ---- Connecting and sending -----------------------------------------------------------


def test_connects_talks_and_comes_back(sketch, start_server, connect, major):
    server = start_server(SERVED)
    other = connect(server.url)
    page = sketch(server, major)
    has_state(page, "Connected", f"ws://localhost:{server.port}/")
    for _ in range(5):
        page.locator("#connect").click()
    send(page, "hello")
    page.locator("#send").click()  # The field is empty now.
    send(page, "hello")
    assert [other.recv(timeout=30) for _ in range(2)] == ["hello", "hello"]
    assert server.output.count("New Connection") == 2
    other.send("<img src=x onerror='document.title = 1'>")
    shown(page, "<img src=x onerror='document.title = 1'>")
    other.send(b"\x00\x01")
    shown(page, "2-byte message")
    server.kill()
    has_state(page, "Connection lost", "Code 1006. Trying again")
    page.wait_for_function("socket.readyState === WebSocket.CLOSED")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back.")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected", "Press Connect")
    assert page.title() == "WebSocket client in p5.js"
    no_errors(page)


def test_server_that_is_not_there(sketch, start_server):
    port = free_port()
    page = sketch(port)
    has_state(page, "No answer", f"Is server.py running? Nobody answers at ws://localhost:{port}/")
    send(page, "too early")
    page.locator("#address").fill("localhost:8080")
    page.locator("#address").press("Enter")
    has_state(page, "Disconnected", "That is no address.")
    page.locator("#address").fill(f"ws://127.0.0.1:{port}/")
    start_server(SERVED, port=port)
    page.locator("#address").press("Enter")
    has_state(page, "Connected", f"ws://127.0.0.1:{port}/")
    no_errors(page)


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
    has_state(page, "Disconnected", "This page came by https")


# ---- Drawing --------------------------------------------------------------------------


def test_canvas_changes_when_numbers_arrive_and_not_when_they_do_not(
    sketch, start_server, connect, major
):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major)
    has_state(page, "Connected")
    seen = [picture(page)]
    messages = ["512", "480", '{"light": 3, "deep": {"heat": 21.5}}', "[1, 2]", "hello", " 007 ",
                '"127.0.0.1: 12"', '"::1: {\\"light\\": 9}"']  # fmt: skip
    for message in messages:
        other.send(message)
        shown(page, message)
        seen.append(picture(page))
        assert seen[-1] == picture(page), f"moves by itself after {message}"
    assert len(set(seen)) == len(seen)
    values = page.evaluate("Object.fromEntries(graphs)")
    assert values == {"": [512, 480, 7, 12], "light": [3, 9], "heat": [21.5], "0": [1], "1": [2]}
    assert page.evaluate("words") == "hello"
    no_errors(page)


def test_each_name_has_its_line(sketch, start_server, connect, major):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major, viewport=WIDE)
    has_state(page, "Connected")
    for number in range(400):
        other.send(json.dumps({"light": number % 50, "heat": 20 + number % 7}))
    shown(page, '{"light": 49, "heat": 20}')
    frames(page, 3)
    assert page.evaluate("[...graphs.values()].map((values) => values.length)") == [300, 300]
    # A pixel of each line's color in the right half of the canvas, where the newest values are.
    colors = page.evaluate("""() => {
      const canvas = document.querySelector("canvas");
      const half = canvas.width >> 1;
      const image = canvas.getContext("2d").getImageData(half, 0, half, canvas.height).data;
      const colors = {};
      for (let i = 0; i < image.length; i += 4) {
        if (image[i + 3] !== 255) continue;
        const hex = [...image.slice(i, i + 3)].map((one) => one.toString(16).padStart(2, "0"));
        colors["#" + hex.join("")] = (colors["#" + hex.join("")] || 0) + 1;
      }
      return COLORS.map((color) => colors[color] || 0);
    }""")
    assert min(colors[:2]) > 200 and sum(colors[2:]) == 0


def test_odd_messages(sketch, start_server, connect):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server)
    has_state(page, "Connected")
    odd = ["", " ", "null", "true", "NaN", "Infinity", "1e999", "{}", "[]", '"', '{"a": null}',
           '{"a": "7"}', "[" * 50_000 + "1" + "]" * 50_000, '{"__proto__": 1}', "-0", "1e300",
           "-1e308", "1e308", '""', "x" * 100_000]  # fmt: skip
    for message in odd:
        other.send(message)
    for number in range(20):
        other.send(json.dumps({f"name {number}": 1}))
    shown(page, '{"name 19": 1}')
    frames(page, 3)
    assert page.evaluate("graphs.size") == 6
    no_errors(page)


def test_frame_rate_with_200_messages_a_second(sketch, start_server, connect, major):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major)
    has_state(page, "Connected")
    # How long 60 frames take when nothing comes, and when the page's own clock asks for
    # a message every 5 ms; on a busy machine both take longer.
    count = """() => new Promise((done) => {
      const first = frameCount, began = performance.now();
      const look = () => frameCount < first + 60 ? requestAnimationFrame(look)
        : done(performance.now() - began);
      look();
    })"""
    quiet = page.evaluate(count)
    page.evaluate(
        """() => {
      let sent = 0;
      window.feed = setInterval(() => {
        for (; sent < (performance.now() - feed.began) / 5; sent += 1)
          socket.send(JSON.stringify({light: sent % 97, heat: sent % 31, x: sent % 7}));
      }, 5);
      feed.began = performance.now();
    }""".replace("feed.began", "window.feedBegan")
    )
    busy = page.evaluate(count)
    assert page.evaluate("graphs.get('light').length") > 100
    assert busy < 2 * quiet + 500
    other.close()


# ---- For everybody --------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(sketch, start_server, connect, scheme):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, color_scheme=scheme, viewport=WIDE)
    has_state(page, "Connected")
    other.send("12")
    other.send("w" * 400)
    for size in (WIDE, PHONE, {"width": 320, "height": 640}):
        page.set_viewport_size(size)
        page.wait_for_function("width === document.querySelector('main').clientWidth")
        frames(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        accessible(page)
    server.kill()
    has_state(page, "Connection lost")
    accessible(page)


def test_keyboard_alone(sketch, start_server):
    server = start_server(SERVED)
    page = sketch(server)
    has_state(page, "Connected")
    for name in ["address", "connect", "disconnect", "outgoing"]:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == name
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    shown(page, "5")


def test_firefox(sketch, start_server, firefox, connect, major):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major, within=firefox)
    has_state(page, "Connected")
    before = picture(page)
    other.send("512")
    shown(page, "512")
    assert picture(page) != before
    no_errors(page)


def test_screenshot(sketch, start_server, connect):
    """Makes the README's picture, if there is none or the variable SCREENSHOTS is set."""
    target = FOLDER / "screenshot.png"
    if not target.exists() or os.environ.get("SCREENSHOTS"):
        take_screenshot(sketch, start_server, connect, target)
    assert target.read_bytes().startswith(b"\x89PNG")


def take_screenshot(sketch, start_server, connect, target):
    server = start_server(SERVED, port=8080)
    other, page = connect(server.url), sketch(server, viewport=WIDE)
    has_state(page, "Connected")
    for step in range(300):
        light = 512 + 300 * math.sin(step / 30) + 40 * math.sin(step / 7)
        heat = 21 + 2 * math.sin(step / 50 + 1) + 0.3 * math.sin(step / 3)
        other.send(json.dumps({"light": round(light), "heat": round(heat, 1)}))
    shown(page, json.dumps({"light": round(light), "heat": round(heat, 1)}))
    frames(page, 3)
    page.screenshot(path=target)
