"""What the p5.js client draws: which numbers are read, and that it is right at every size."""

import itertools
import json

import pytest
from p5_pages import drawn, picture, resize, shown
from pages import SERVED, has_state, no_errors, send

pytestmark = pytest.mark.browser
SIZES = [(320, 640), (390, 844), (390, 460), (740, 360), (1366, 625), (1920, 1080)]
NUMBERS = {
    "512": {"": 512},
    '{"light": 3, "heat": 21.5}': {"light": 3, "heat": 21.5},
    '{"acc": {"x": 1}, "gyr": {"x": 100}}': {"acc.x": 1, "gyr.x": 100},
    "light:512,heat:21.5": {"light": 512, "heat": 21.5},
    "light: 512, heat: 21.5": {"light": 512, "heat": 21.5},
    "light:512\theat:-2e1\r\n": {"light": 512, "heat": -20},
    "512,300": {"1": 512, "2": 300},
    "0.30000000000000004": {"": 0.3},
}
WORDS = ["", " ", "null", "true", "NaN", "Infinity", "1e999", "{}", "[]", '"', '{"a": null}',
         '{"a": "7"}', '""', "hello", "at 12:30", "12:30", "meet me at 5", "light:", ":5, light",
         "::1: hello", "[" * 50_000 + "1" + "]" * 50_000]  # fmt: skip


@pytest.fixture
def page_and_other(sketch, start_server, connect, major):
    server = start_server(SERVED)
    page = sketch(server, major)
    has_state(page, "Connected")
    return page, connect(server.url)


def texts(page):
    return [each["words"] for each in drawn(page)["texts"]]


def test_which_numbers_are_read(page_and_other):
    page, _ = page_and_other
    read = "messages => messages.map((each) => Object.fromEntries(numbersIn(each)))"
    assert page.evaluate(read, list(NUMBERS)) == list(NUMBERS.values())
    assert page.evaluate(read, WORDS) == [{}] * len(WORDS)


def test_names_without_a_color_are_said_and_clear_begins_anew(page_and_other):
    page, other = page_and_other
    for message in [*filter(None, WORDS), '{"__proto__": 1}', "1e300", "-1e308", "x" * 100_000]:
        other.send(message)
    shown(page, "x" * 200)
    page.locator("#clear").click()
    message = json.dumps(dict.fromkeys("abcdefgh", 1))
    other.send(message)
    shown(page, message)
    assert len(drawn(page)["lines"]) == 6
    assert any("No color left for g, h." in words for words in texts(page))
    before = picture(page)
    page.emulate_media(color_scheme="dark")
    assert picture(page) != before
    page.locator("#clear").click()
    assert texts(page) == [] == drawn(page)["lines"]
    no_errors(page)


def test_one_server_and_then_another(sketch, start_server):
    """ws_server_example puts the sender's address in front, within a JSON string."""
    page = sketch(start_server("ws_server_example"))
    has_state(page, "Connected")
    for typed in ("light:512", '{"light": 3}', "face: 7", "hello"):
        send(page, typed)
    page.wait_for_function("document.querySelector('#latest').textContent.includes('hello')")
    assert {"3", "light", "7", "face", "hello"} <= set(texts(page))
    second = start_server(SERVED)
    page.locator("#address").fill(second.url)
    page.locator("#connect").click()
    has_state(page, "Connected", second.url)
    assert texts(page) == []


def fill(page, names, count, words=""):
    """Empties the drawing, and gives it a rising series for so many names, and words below."""
    page.evaluate("""([names, count, words]) => {
      clearPressed();
      if (words) messageReceived(words);
      for (let i = 0; i < count; i++) for (let name = 0; name < names; name++)
        messageReceived(`{"accelerometer.axis ${name}": ${i * 1000.125}}`);
    }""", [names, count, words])  # fmt: skip


def test_values_that_are_all_the_same(page_and_other):
    """No number is shown that never came, and the line goes through the middle."""
    page, _ = page_and_other
    page.evaluate("for (const i of [1, 2, 3]) messageReceived('7')")
    assert set(texts(page)) == {"7"}
    found = drawn(page)
    assert {y for _, y in found["lines"][0]} == {(found["height"] - 60) / 2}


def test_right_at_every_size(page_and_other):
    page, _ = page_and_other
    for case in itertools.product(SIZES, [1, 3, 4, 6], ["", "w" * 200]):
        size, names, words = case
        resize(page, *size)
        fill(page, names, 50, words)
        found = drawn(page)
        assert [line[-1] for line in found["lines"]] == found["dots"]
        assert len(found["lines"]) == names
        for line in found["lines"]:
            heights = [y for _, y in line]
            assert heights == sorted(heights, reverse=True), f"upside down with {case}"
            assert heights[0] - heights[-1] > 8, f"flat with {case}"
            assert line[-1][0] - line[0][0] > found["width"] / 6, f"narrow with {case}"
            assert all(0 < x < found["width"] and 0 < y < found["height"] for x, y in line), case
        assert {"49006.125", "0"} <= {each["words"] for each in found["texts"]}
        for each in found["texts"]:
            assert each["x"] >= 0 and each["x"] + each["wide"] <= found["width"] + 1, (case, each)
            assert each["y"] >= 0 and each["y"] + each["high"] <= found["height"] + 1, (case, each)
