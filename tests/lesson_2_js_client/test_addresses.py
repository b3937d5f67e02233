"""The address field: where it comes from, and addresses that can't work."""

import shutil

import pytest
from course import ROOT, free_port
from pages import SERVED, copy_of, has_state, lines, no_errors
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
BAD = ["", "hello", "hello", "localhost:8080", "127.0.0.1:8080", "ws://localhost:99999/", "ws://",
       "ws://localhost:8080/#x", "ws://localhost:8080/#", "ftp://localhost:8080/"]  # fmt: skip


def connect_to(page, address):
    page.locator("#address").fill(address)
    page.locator("#connect").click()


def page_from(site, folder, open_page):
    """Opens index.html where a web server that isn't the course's sends the files of a folder."""

    def deliver(route):
        route.fulfill(path=folder / route.request.url[len(site) :])

    return open_page(f"{site}index.html", prepare=lambda page: page.route(f"{site}*", deliver))


def test_the_courses_own_server_sent_the_page(start_server, open_page, tmp_path):
    folder = shutil.copytree(ROOT / SERVED, tmp_path / "copy")
    shutil.copytree(ROOT / "js_client", folder / "public" / "client")
    server = start_server(SERVED, cwd=folder)
    page = open_page(f"{server.http}/client/index.html")
    has_state(page, "Connected", f"{server.url}/")


def test_another_web_server_sent_the_page(open_page, tmp_path):
    """Only localhost may be opened if it came by https; most browsers keep to that."""
    port = free_port()
    copy_of("js_client", tmp_path, port)
    page = page_from("https://course.test/", tmp_path / "js_client", open_page)
    has_state(page, "No answer", f"No answer from ws://localhost:{port}/. Is server.py")
    expect(page.locator("#address")).to_have_value(f"ws://localhost:{port}/")
    connect_to(page, "ws://server.test:8080/")
    expect(lines(page, "event").last).to_contain_text("This page was loaded over https")


def test_the_served_page_without_its_server(open_page):
    public, words = ROOT / SERVED / "public", "start server.py, then open http://localhost:3000/"
    page = open_page((public / "index.html").as_uri())
    has_state(page, "Disconnected", words)
    no_errors(page)
    has_state(page_from("http://course.test/", public, open_page), "Disconnected", words)


def test_another_address(start_server, js_client):
    """The log tells from whom, and to whom. The address is kept over a reload."""
    one, two = start_server(SERVED), start_server(SERVED)
    page = js_client(one.port)
    has_state(page, "Connected")
    # What a server prints for browsers will do.
    connect_to(page, f"  {two.http}/ ")
    has_state(page, "Connected", f"{two.url}/")
    expect(page.locator("#address")).to_have_value(f"{two.url}/")
    first = f"ws://localhost:{one.port}/"
    expect(lines(page, "event")).to_have_text(
        [f"connected to {first}", f"disconnected from {first}", f"connected to {two.url}/"]
    )
    one.expect("connection closed")
    page.wait_for_function("codes.join() === '1000'")
    page.reload()
    has_state(page, "Connected", f"{two.url}/")


def test_a_bad_address_is_seen_each_time_and_ends_nothing(start_server, js_client):
    page = js_client(start_server(SERVED).port)
    has_state(page, "Connected")
    for number, address in enumerate(BAD, start=1):
        page.locator("#address").fill(address)
        page.keyboard.press("Enter")
        has_state(page, "Connected", f'"{address}" isn\'t a WebSocket address. One looks like')
        expect(lines(page, "event")).to_have_count(1 + number)
        assert page.evaluate("document.activeElement.id") == "address"
    # With the next letter it is forgotten.
    page.locator("#address").press_sequentially("w")
    has_state(page, "Connected", "You're talking to")
    assert page.evaluate("[tries, codes.length]") == [1, 0]
    no_errors(page)
    connect_to(page, "ws://127.0.0.1/")
    has_state(page, "No answer", "ws://127.0.0.1/, without a port such as :8080. Is")
