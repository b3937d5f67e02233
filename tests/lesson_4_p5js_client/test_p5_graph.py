"""The graphs of the p5.js client: which numbers are read, and what is drawn."""

import itertools
import json

import pytest
from p5_pages import frames, lines_drawn, picture, resize, shown
from pages import SERVED, has_state, no_errors, send

pytestmark = pytest.mark.browser
SIZES = [(320, 640), (360, 740), (740, 360), (1366, 625), (1920, 1080), (640, 400)]
NUMBERS = {
    "512": {"": 512},
    " 007 ": {"": 7},
    '{"light": 3, "heat": 21.5}': {"light": 3, "heat": 21.5},
    '{"acc": {"x": 1}, "gyr": {"x": 100}}': {"acc.x": 1, "gyr.x": 100},
    "[1, 2]": {"0": 1, "1": 2},
    '"127.0.0.1: 12"': {"": 12},
    '"::1: {\\"light\\": 9}"': {"light": 9},
    '"::1: 7"': {"": 7},
    '"fe80::1%eth0: 7"': {"": 7},
    "light:512,heat:21.5": {"light": 512, "heat": 21.5},
    "light: 512, heat: 21.5": {"light": 512, "heat": 21.5},
    "light:512\theat:-2e1\r\n": {"light": 512, "heat": -20},
    "512,300": {"0": 512, "1": 300},
    "512 300,": {"0": 512, "1": 300},
    '"127.0.0.1: light:512"': {"light": 512},
    '"::1: light:512,heat:21.5"': {"light": 512, "heat": 21.5},
    '"::1: 512,300"': {"0": 512, "1": 300},
    '"light:512"': {"light": 512},
    "0.30000000000000004": {"": 0.3},
}
WORDS = ["", " ", "null", "true", "NaN", "Infinity", "1e999", "{}", "[]", '"', '{"a": null}',
         '{"a": "7"}', '""', "hello", "at 12:30", "12:30", "meet me at 5", "light:", ":5, light",
         "::1: hello", '"127.0.0.1: hello"', "[" * 50_000 + "1" + "]" * 50_000]  # fmt: skip


def test_which_numbers_are_read(sketch, start_server):
    page = sketch(start_server(SERVED))
    has_state(page, "Connected")
    read = "messages => messages.map((each) => Object.fromEntries(numbersIn(each)))"
    assert page.evaluate(read, list(NUMBERS)) == list(NUMBERS.values())
    assert page.evaluate(read, WORDS) == [{}] * len(WORDS)


def test_odd_messages_do_no_harm(sketch, start_server, connect):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server)
    has_state(page, "Connected")
    for message in [*WORDS, '{"__proto__": 1}', "-0", "1e300", "-1e308", "1e308", "x" * 100_000]:
        other.send(message)
    for number in range(20):
        other.send(json.dumps({f"name {number}": 1}))
    shown(page, '{"name 19": 1}')
    frames(page)
    assert page.evaluate("graphs.size") == 6
    no_errors(page)


def test_what_people_type_at_the_plain_server(sketch, start_server):
    """ws_server_example puts the sender's address in front, within a JSON string."""
    page = sketch(start_server("ws_server_example"))
    has_state(page, "Connected")
    for typed in ("light:512", '{"light": 3}', "hello"):
        send(page, typed)
        page.wait_for_function("typed => latest.includes(typed.slice(-3))", arg=typed)
    assert page.evaluate("Object.fromEntries(graphs)") == {"light": [512, 3]}
    assert page.evaluate("lastWords").endswith("1: hello")


def test_canvas_changes_when_messages_come_and_not_by_itself(sketch, start_server, connect, major):
    server = start_server(SERVED)
    other, page = connect(server.url), sketch(server, major)
    has_state(page, "Connected")
    seen = [picture(page)]
    for message in ["512", "480", '{"light": 3, "deep": {"heat": 21.5}}', "[1, 2]", "hello", "7,8"]:
        other.send(message)
        shown(page, message)
        seen.append(picture(page))
        assert seen[-1] == picture(page), f"moves by itself after {message}"
    assert len(set(seen)) == len(seen)
    no_errors(page)


def test_another_server_begins_with_an_empty_drawing(sketch, start_server, connect):
    first, second = start_server(SERVED), start_server(SERVED)
    page = sketch(first)
    has_state(page, "Connected")
    connect(first.url).send('{"light": 1}')
    page.wait_for_function("graphs.size === 1")
    page.locator("#address").fill(f"ws://localhost:{second.port}/")
    page.locator("#connect").click()
    has_state(page, "Connected", str(second.port))
    assert page.evaluate("[graphs.size, lastWords]") == [0, ""]


def texts(page):
    return [each["words"] for each in lines_drawn(page)["texts"]]


def test_empty_drawing_says_what_to_do(sketch, start_server):
    page = sketch(start_server(SERVED))
    has_state(page, "Connected")
    assert "".join(texts(page)).split() == ["Send", "5,", "or", '{"light":', "512}"]


def test_width_shows_the_values_there_are_and_at_least_thirty(sketch, start_server):
    page = sketch(start_server(SERVED), viewport={"width": 1280, "height": 800})
    has_state(page, "Connected")
    wide = page.evaluate("width")
    spans = {}
    for count in (3, 30, 60, 300, 400):
        page.evaluate(
            "n => { graphs.clear(); for (let i = 1; i <= n; i++) addValue('', i); }", count
        )
        line = lines_drawn(page)["lines"][0]
        assert len(line) == min(count, 300)
        spans[count] = line[-1][0] - line[0][0]
    assert spans[3] > wide / 20
    assert min(spans[30], spans[60], spans[300], spans[400]) > 0.85 * wide
    assert {"400", "101"} <= set(texts(page)), "the highest and the lowest value at the axis"


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["wide"]
        and other["x"] < one["x"] + one["wide"]
        and one["y"] < other["y"] + other["high"]
        and other["y"] < one["y"] + one["high"]
    )


def test_words_of_two_lines_stay_in_the_one_below_the_graph(sketch, start_server):
    page = sketch(start_server(SERVED))
    has_state(page, "Connected")
    page.evaluate("addValue('', 5); showWords('one\\ntwo')")
    assert "one two" in texts(page)


def fill(page, names, words):
    """Empties the drawing, and gives it a rising series for so many names, and words below."""
    page.evaluate(
        """([names, words]) => {
      graphs.clear();
      lastWords = words;
      for (let i = 0; i < 50; i++)
        for (let n = 0; n < names; n++) addValue(`accelerometer.axis ${n}`, i * 1000.125);
    }""",
        [names, words],
    )


def test_a_rising_series_rises_at_every_size(sketch, start_server, major):
    page = sketch(start_server(SERVED), major)
    has_state(page, "Connected")
    for case in itertools.product(SIZES, [1, 3, 4, 6], ["", "w" * 200]):
        size, names, words = case
        resize(page, *size)
        fill(page, names, words)
        drawn = lines_drawn(page)
        assert len(drawn["lines"]) == names
        for line in drawn["lines"]:
            heights = [y for _, y in line]
            assert heights == sorted(heights, reverse=True), f"upside down with {case}"
            assert heights[0] - heights[-1] > 8, f"flat with {case}"
            assert all(0 < x < drawn["width"] and 0 < y < drawn["height"] for x, y in line), case
        for each in drawn["texts"]:
            assert each["x"] >= 0 and each["x"] + each["wide"] <= drawn["width"] + 1, (case, each)
            assert each["y"] >= 0 and each["y"] + each["high"] <= drawn["height"] + 1, (case, each)
        for one, other in itertools.combinations(drawn["texts"], 2):
            assert not overlap(one, other), (case, one, other)


def test_the_drawn_pixels_rise(sketch, start_server, connect, major, window):
    """The line's own color is lower at the left of the canvas than at the right."""
    server = start_server(SERVED)
    other = connect(server.url)
    page = sketch(server, major, viewport={"width": 360, "height": 740}, within=window)
    has_state(page, "Connected")
    for number in range(60):
        other.send(json.dumps(dict.fromkeys("abcd", number)))
    shown(page, json.dumps(dict.fromkeys("abcd", 59)))
    frames(page)
    found = page.evaluate("""() => {
      const canvas = document.querySelector("canvas");
      const { data, width: wide, height: high } = canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height);
      return LIGHT.colors.slice(0, 4).map((color) => {
        const dots = [];
        for (let i = 0; i < wide * high; i++) {
          const [red, green, blue, opaque] = data.slice(4 * i, 4 * i + 4);
          const number = (red << 16) + (green << 8) + blue;
          if (opaque === 255 && number === parseInt(color.slice(1), 16))
            dots.push([i % wide, i / wide]);
        }
        dots.sort((a, b) => a[0] - b[0]);
        return { left: dots[0], right: dots[dots.length - 1], count: dots.length };
      });
    }""")
    for each in found:
        assert each["count"] > 50 and each["left"][1] > each["right"][1]
