"""The log pages come, go, and come back: every state of the connection, in a real browser."""

import os
import signal
import threading

import pytest
from course import ROOT, free_port
from pages import RECORDER, SERVED, copy_of, has_state, lines, no_errors, send
from playwright.sync_api import expect
from websockets.sync.server import serve

pytestmark = pytest.mark.browser
freezes = pytest.mark.skipif(os.name == "nt", reason="Windows can't freeze a program")


def focused(page):
    return page.evaluate("document.activeElement.id")


def stop_clock(page):
    """From now on, the page's time passes by clock.run_for(); and chance is the longest pause."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.evaluate("Math.random = () => 1")


def test_connects_by_itself(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected", f"You are talking to ws://localhost:{server.port}/")
    expect(lines(page, "event")).to_have_text([f"connected to ws://localhost:{server.port}/"])
    assert page.title() == "● Connected - WebSocket client"
    no_errors(page)
    # The icon is in the page: it asks for three files and no favicon.ico.
    if page.folder == SERVED:
        assert page.evaluate("performance.getEntriesByType('resource').length") == 3


def test_a_server_that_is_not_there(start_server, open_page, tmp_path):
    port = free_port()
    page = open_page(copy_of("js_client", tmp_path, port))
    has_state(page, "No answer", f"Is server.py running? Nobody answers at ws://localhost:{port}/")
    expect(page.locator("#note")).to_contain_text("this page keeps trying")
    assert page.title() == "○ No answer - WebSocket client"
    assert page.locator("#send").is_disabled()
    start_server(SERVED, port=port)
    has_state(page, "Connected", "You are talking to")
    no_errors(page)


def test_server_is_killed_and_comes_back(start_server, page_of):
    """Firefox holds tries back after some refusals: it comes back all the same."""
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    server.kill()
    has_state(page, "Connection lost", "Code 1006, it broke off without a goodbye. Trying again")
    page.wait_for_function("tries >= 5")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back")
    expect(lines(page, "event").last).to_contain_text("connected again to ws://localhost")
    send(page, "still here")
    expect(lines(page, "received")).to_have_text(["still here"])
    no_errors(page)


def test_server_is_stopped(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    assert server.stop() == 0
    has_state(page, "Connection lost", "Code 1001")
    expect(lines(page, "event").last).to_contain_text("connection lost: 1001")


def test_code_and_reason_stay_through_failed_tries(open_page, tmp_path):
    """Also when Connect is pressed in between: they are why the connection was lost."""
    with serve(lambda client: client.close(4000, "lunch"), "localhost", free_port()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # It closes whoever comes; once closed itself, it answers nobody.
        url = copy_of("js_client", tmp_path, server.socket.getsockname()[1])
        page = open_page(url, prepare=lambda page: page.add_init_script(RECORDER))
        has_state(page, "Connection lost", "Code 4000, lunch.")
    tries = page.evaluate("tries")
    page.wait_for_function("tries => window.tries >= tries + 3", arg=tries)
    has_state(page, "Connection lost", "Code 4000, lunch.")
    page.locator("#connect").click()
    has_state(page, "Connection lost", "Code 4000, lunch.")


def test_pauses_grow_until_disconnect(start_server, page_of):
    """With a clock of its own the page waits as long as it is told to, on any machine."""
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    for ended, pause in enumerate([500, 1000, 2000, 4000, 5000, 5000], start=1):
        page.wait_for_function("ended => codes.length === ended", arg=ended)
        page.clock.run_for(pause - 1)
        assert page.evaluate("tries") == ended
        page.clock.run_for(1)
        assert page.evaluate("tries") == ended + 1
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.clock.run_for(60_000)
    assert page.evaluate("tries") == 7


def test_thirty_pages_do_not_knock_at_the_same_moment(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    page.evaluate("Math.random = () => 0")
    server.kill()
    has_state(page, "Connection lost")
    page.clock.run_for(250)
    assert page.evaluate("tries") == 2


def test_connect_tries_at_once(start_server, page_of):
    """In "Connection lost" as well as in "No answer", it doesn't wait for the pause's end."""
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    page.locator("#connect").click()
    page.wait_for_function("tries === 2 && codes.length === 2")
    page.locator("#disconnect").click()
    page.locator("#connect").click()
    has_state(page, "No answer")
    page.locator("#connect").click()
    page.wait_for_function("tries === 4")


def test_disconnect_and_connect(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected", "Press Connect")
    assert focused(page) == "connect"
    expect(lines(page, "event").last).to_contain_text("disconnected from ws://localhost")
    server.expect("connection closed")
    assert page.evaluate("codes") == [1000]
    assert page.locator("#send").is_disabled() and page.locator("#disconnect").is_disabled()
    send(page, "into nothing")
    expect(lines(page, "sent")).to_have_count(0)
    expect(page.locator("#outgoing")).to_have_value("into nothing")
    page.locator("#connect").click()
    has_state(page, "Connected")
    assert focused(page) == "disconnect"
    no_errors(page)


def test_one_connection_however_often_connect_is_pressed(start_server, page_of, connect):
    server = start_server(SERVED)
    page = page_of(server)
    page.evaluate("for (let i = 0; i < 5; i += 1) document.querySelector('#connect').click()")
    has_state(page, "Connected")
    expect(page.locator("#connect")).to_be_disabled()
    other = connect(server.url)
    other.send("once")
    expect(lines(page, "received")).to_have_text(["once"])
    assert page.evaluate("tries") == 1
    server.expect("once")
    assert server.output.count("New Connection") == 2


def test_another_address(start_server, page_of):
    """The log tells from whom, and to whom; what the old one still sends is not shown."""
    one, two = start_server(SERVED), start_server(SERVED)
    page = page_of(one)
    if page.folder == SERVED:
        pytest.skip("the served page has no address field")
    has_state(page, "Connected")
    for server in (two, one):
        page.locator("#address").fill(f"ws://localhost:{server.port}/")
        page.locator("#connect").click()
        has_state(page, "Connected", f"ws://localhost:{server.port}/")
    first, second = f"ws://localhost:{one.port}/", f"ws://localhost:{two.port}/"
    expect(lines(page, "event")).to_have_text(
        [f"connected to {first}", f"disconnected from {first}", f"connected to {second}",
         f"disconnected from {second}", f"connected to {first}"])  # fmt: skip
    two.expect("connection closed")
    assert page.evaluate("codes") == [1000, 1000]


@freezes
def test_a_frozen_server(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.locator("#disconnect").click()
        has_state(page, "Disconnecting …", "Waiting for the server to agree.")
        expect(page.locator("#connect")).to_be_enabled()
        page.locator("#connect").click()
        has_state(page, "Connecting …")
    finally:
        server.process.send_signal(signal.SIGCONT)
    has_state(page, "Connected")
    server.expect("connection closed")
    send(page, "one")
    expect(lines(page, "received")).to_have_text(["one"])


@freezes
def test_a_try_that_nobody_answers_is_given_up(start_server, page_of):
    server = start_server(SERVED)
    page = page_of(server)
    has_state(page, "Connected")
    stop_clock(page)
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.locator("#disconnect").click()
        page.locator("#connect").click()
        has_state(page, "Connecting …")
        page.clock.run_for(8000)
        has_state(page, "No answer", "Is server.py running?")
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_the_served_page_opened_from_disk(open_page):
    page = open_page((ROOT / SERVED / "public" / "index.html").as_uri())
    has_state(page, "Disconnected", "start server.py, open http://localhost:3000/")
    page.evaluate("sendMessage('nobody is there')")
    expect(lines(page, "sent")).to_have_count(0)
    no_errors(page)
