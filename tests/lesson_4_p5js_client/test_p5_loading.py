"""p5.js itself in the p5.js client: the right file, no name of it hidden, and no file at all."""

import base64
import hashlib
import re

import pytest
from course import free_port
from p5_pages import FOLDER, frames, lines_for, p5_file
from pages import SERVED, has_state, no_errors
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_integrity(major):
    library, version = p5_file(major)
    number = base64.b64encode(hashlib.sha384(library.read_bytes()).digest()).decode()
    assert lines_for(major).groups()[1:] == (version, f"sha384-{number}")


def test_no_name_of_p5_is_hidden(sketch, major):
    """Every name that the sketch gives to something of its own is free in p5.js."""
    source = "".join((FOLDER / name).read_text("utf-8") for name in ("sketch.js", "graph.js"))
    names = set(re.findall(r"\b(?:let|const|function)\s+(\w+)", source))
    for group in re.findall(r"function \w+\((.*)\)|\(([\w, \[\]]*)\) =>|const \[(.*)\] =", source):
        names |= set(re.findall(r"\w*[a-z]\w*", " ".join(group)))
    names -= {"setup", "draw"}
    assert {"graphs", "socket", "drawGraph", "paint", "low"} <= names
    page = sketch(free_port(), major)
    taken = page.evaluate("names => names.filter((name) => name in p5.prototype)", list(names))
    assert taken == []


def test_network_gone(sketch):
    page = sketch(free_port(), cdn=lambda route: route.abort())
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")
    assert page.locator("canvas").count() == 0
    no_errors(page, "ERR_FAILED", "ERR_FILE_NOT_FOUND")


def test_network_gone_but_p5_is_in_the_folder(sketch, start_server, major):
    server = start_server(SERVED)
    page = sketch(server, major, cdn=lambda route: route.abort(), own_p5=True)
    has_state(page, "Connected")
    frames(page)
    no_errors(page, "ERR_FAILED")


def test_network_that_hangs(sketch):
    page = sketch(free_port(), cdn=lambda route: None, until="commit")
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")


def test_connect_pressed_before_p5_is_here(sketch):
    """Nothing happens then: what was typed stays, and the page goes on waiting."""
    page = sketch(free_port(), cdn=lambda route: None, until="commit")
    page.locator("#address").fill("ws://192.168.1.5:8080/")
    page.locator("#connect").click()
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")
    assert page.locator("#address").input_value() == "ws://192.168.1.5:8080/"


def test_network_that_hangs_but_p5_is_in_the_folder(sketch, start_server, major):
    server = start_server(SERVED)
    page = sketch(server, major, cdn=lambda route: None, own_p5=True, until="commit")
    expect(page.locator("#state")).to_have_text("Connected")
    frames(page)


def test_a_changed_file_is_not_run(sketch):
    def other_file(route):
        route.fulfill(body="document.title = 'run'", headers={"Access-Control-Allow-Origin": "*"})

    page = sketch(free_port(), cdn=other_file)
    page.wait_for_function("note.textContent.startsWith('p5.js could not be loaded.')")
    assert page.title() == "WebSocket client in p5.js"
