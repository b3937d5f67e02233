"""What js_client/README.md asks a reader to do in the browser: the three lines, the exercises."""

import pytest
from course import ROOT
from pages import SERVED, copy_of, has_state, lines, send
from playwright.sync_api import expect
from terminals import edit, read_blocks, solution

pytestmark = pytest.mark.browser
README = ROOT / "js_client" / "README.md"


@pytest.fixture
def solved(start_server, open_page, tmp_path):
    """Returns solved(heading): the page with the solution of this exercise, and its server."""

    def open_one(heading):
        server = start_server(SERVED)
        url = copy_of("js_client", tmp_path, server.port)
        edit(solution(README, heading)[0], tmp_path / "js_client")
        page = open_page(url)
        has_state(page, "Connected", f"ws://localhost:{server.port}/")
        return page, server

    return open_one


def test_the_shortest_one(start_server, open_page):
    server = start_server(SERVED)
    [block] = [each for each in read_blocks(README) if each.heading.startswith("The shortest")]
    assert len(block.text.splitlines()) == 3
    page = open_page(server.http)
    with page.expect_console_message(lambda line: line.text == "hello"):
        page.evaluate(block.text.replace("3000", str(server.port)) + "null")
    expect(lines(page, "received")).to_have_text(["hello"])


def test_easy_count_the_messages(solved):
    page, _ = solved("Easy: count the messages")
    send(page, "one")
    send(page, "two")
    expect(page.locator("#title")).to_have_text("Messages: 2 received")


def test_combine_who_says_it(solved, connect):
    page, server = solved("Combine: who says it?")
    send(page, "hello")
    expect(lines(page, "received")).to_have_text(["Ada: hello"])
    other = connect(server.url)
    for text in ['{"from": "Bob", "text": "hi"}', "plain", "7", "null", b"\x01"]:
        other.send(text)
    expect(lines(page, "received")).to_have_text(
        ["Ada: hello", "Bob: hi", "plain", "7", "null", "1-byte message: 01"]
    )


def test_break_it_a_page_that_cannot_leave(solved):
    page, server = solved("Break it: a page that can't leave")
    server.expect("New Connection")
    page.locator("#disconnect").click()
    server.expect("connection closed")
    server.expect("New Connection")
    has_state(page, "Connected")
