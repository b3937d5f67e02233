"""The address field: where it comes from, and addresses that can't work."""

import shutil
from pathlib import Path

import pytest
from course import ROOT, free_port
from pages import RECORDER, SERVED, copy_of, has_state, lines, no_errors
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_from_disk_it_is_the_first_address_of_the_course():
    page = (ROOT / "js_client" / "index.html").read_text("utf-8")
    assert 'value="ws://localhost:8080/"' in page


def test_by_http_it_is_the_host_that_sent_the_page(start_server, open_page, tmp_path):
    folder = shutil.copytree(ROOT / SERVED, tmp_path / "copy")
    shutil.copytree(ROOT / "js_client", folder / "public" / "client")
    server = start_server(SERVED, cwd=folder)
    page = open_page(f"{server.http}/client/index.html")
    has_state(page, "Connected", f"{server.url}/")


def test_it_is_remembered_over_a_reload(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    if page.folder == SERVED:
        pytest.skip("the served page has no address field")
    page.locator("#address").fill(f"{server.url}/")
    page.keyboard.press("Enter")
    has_state(page, "Connected", server.url)
    page.reload()
    has_state(page, "Connected", server.url)


def test_a_bad_address_is_seen_each_time_and_ends_nothing(start_server, page_of):
    page = page_of(start_server(SERVED))
    if page.folder == SERVED:
        pytest.skip("the served page has no address field")
    has_state(page, "Connected")
    bad = ["", "hello", "hello", "localhost:8080", "127.0.0.1:8080", "ws://localhost:99999/", "ws://",
           "ws://localhost:8080/#x", "ws://localhost:8080/#", "ftp://localhost:8080/"]  # fmt: skip
    for number, address in enumerate(bad, start=1):
        page.locator("#address").fill(address)
        page.keyboard.press("Enter")
        has_state(page, "Connected", f'"{address}" isn\'t a WebSocket address. One looks like')
        expect(lines(page, "event")).to_have_count(1 + number)
        assert page.evaluate("document.activeElement.id") == "address"
    assert page.evaluate("[tries, codes.length]") == [1, 0]
    no_errors(page)


def test_a_bad_address_stays_in_view_while_the_old_one_is_tried_again(open_page, tmp_path):
    url = copy_of("js_client", tmp_path, free_port())
    page = open_page(url, prepare=lambda page: page.add_init_script(RECORDER))
    has_state(page, "No answer")
    page.locator("#address").fill("hello")
    page.keyboard.press("Enter")
    tries = page.evaluate("codes.length")
    page.wait_for_function(f"codes.length > {tries + 1}")
    has_state(page, "No answer", '"hello" isn\'t a WebSocket address.')


def test_what_was_wrong_is_forgotten_with_the_next_letter(start_server, open_page, tmp_path):
    server = start_server(SERVED)
    page = open_page(copy_of("js_client", tmp_path, server.port))
    has_state(page, "Connected", "You are talking to")
    address = page.locator("#address").input_value()
    page.locator("#address").fill("hello")
    page.keyboard.press("Enter")
    has_state(page, "Connected", "isn't a WebSocket address")
    page.locator("#address").fill(address)
    has_state(page, "Connected", f"You are talking to {address}")


def test_a_held_key_connects_once(start_server, open_page, tmp_path):
    """Connect is dimmed then, and gives the keyboard's focus to Disconnect."""
    server = start_server(SERVED)
    page = open_page(
        copy_of("js_client", tmp_path, server.port),
        prepare=lambda page: page.add_init_script(RECORDER),
    )
    has_state(page, "Connected")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.locator("#connect").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    has_state(page, "Connected")
    assert page.evaluate("tries") == 2


def test_the_address_that_a_server_prints_for_browsers_will_do(start_server, open_page, tmp_path):
    server = start_server(SERVED)
    page = open_page(copy_of("js_client", tmp_path, server.port))
    page.locator("#address").fill(f"  {server.http}/ ")
    page.locator("#connect").click()
    has_state(page, "Connected", f"{server.url}/")
    expect(page.locator("#address")).to_have_value(f"{server.url}/")


def test_a_port_that_is_missing(open_page, tmp_path):
    page = open_page(copy_of("js_client", tmp_path, free_port()))
    page.locator("#address").fill("ws://127.0.0.1/")
    page.locator("#connect").click()
    has_state(page, "No answer", "ws://127.0.0.1/, without a port such as :8080, so this page")


def test_a_page_from_https(open_page):
    def deliver(route):
        name = Path(route.request.url).name.replace("course.test", "")
        route.fulfill(path=ROOT / "js_client" / (name or "index.html"))

    page = open_page(
        "https://course.test/index.html",
        prepare=lambda page: page.route("https://course.test/*", deliver),
    )
    page.locator("#address").fill("ws://server.test:8080/")
    page.locator("#connect").click()
    expect(lines(page, "event").last).to_contain_text("This page came by https")
    # On a page from a server, a browser takes this for the name of a page beside it.
    page.locator("#address").fill("127.0.0.1:8080")
    page.locator("#connect").click()
    expect(lines(page, "event").last).to_contain_text("isn't a WebSocket address")
    # The page is alive: another address is tried.
    page.locator("#address").fill(f"ws://localhost:{free_port()}/")
    page.locator("#connect").click()
    has_state(page, "No answer", "Is server.py running?")
