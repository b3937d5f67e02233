"""The log pages come, go, and come back: every state of the connection, in a real browser."""

import os
import signal
import threading

import pytest
from course import free_port
from pages import RECORDER, SERVED, copy_of, has_state, lines, no_errors, send, stop_clock
from playwright.sync_api import expect
from websockets.sync.server import serve

pytestmark = pytest.mark.browser
freezes = pytest.mark.skipif(os.name == "nt", reason="Windows can't freeze a program")


def focused(page):
    return page.evaluate("document.activeElement.id")


def test_connects_by_itself(visit):
    server, page = visit()
    has_state(page, "Connected", f"You are talking to ws://localhost:{server.port}/")
    expect(lines(page, "event")).to_have_text([f"connected to ws://localhost:{server.port}/"])
    assert page.title() == "● Connected - WebSocket client"
    no_errors(page)
    # The icon is in the page: it asks for three files and its own header, and no favicon.ico.
    if page.folder == SERVED:
        assert page.evaluate("performance.getEntriesByType('resource').length") == 4


def test_a_server_that_is_not_there(start_server, open_page, tmp_path):
    """A browser doesn't tell a page why nobody answers: the page names what it can be."""
    port = free_port()
    page = open_page(copy_of("js_client", tmp_path, port))
    has_state(page, "No answer", f"Nobody answers at ws://localhost:{port}/. Is server.py running?")
    has_state(page, "No answer", "Did it refuse this page? Its terminal says so.")
    has_state(page, "No answer", "Is there a proxy in between? This page keeps trying.")
    assert page.title() == "○ No answer - WebSocket client"
    assert page.locator("#send").is_disabled()
    start_server(SERVED, port=port)
    has_state(page, "Connected", "You are talking to")
    no_errors(page)


def test_server_is_killed_and_comes_back(visit, start_server):
    """Firefox holds tries back after some refusals: it comes back all the same."""
    server, page = visit()
    server.kill()
    has_state(page, "Connection lost", "Code 1006, it broke off without a goodbye. Trying again")
    page.wait_for_function("tries >= 4")
    start_server(SERVED, port=server.port)
    has_state(page, "Connected", "The server is back")
    expect(lines(page, "event").last).to_contain_text("connected again to ws://localhost")
    send(page, "still here")
    expect(lines(page, "received")).to_have_text(["still here"])
    no_errors(page)


def test_server_is_stopped(visit):
    server, page = visit()
    assert server.stop() == 0
    has_state(page, "Connection lost", "Code 1001, the server")
    expect(lines(page, "event").last).to_contain_text("connection lost. Code 1001")


def test_code_and_reason_stay_through_failed_tries(open_page, tmp_path):
    with serve(lambda client: client.close(4000, "lunch"), "localhost", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # It closes whoever comes; once closed itself, it answers nobody.
        url = copy_of("js_client", tmp_path, server.socket.getsockname()[1])
        page = open_page(url, prepare=lambda page: page.add_init_script(RECORDER))
        has_state(page, "Connection lost", "Code 4000, lunch.")
    tries = page.evaluate("tries")
    page.wait_for_function("tries => window.tries >= tries + 3", arg=tries)
    has_state(page, "Connection lost", "Code 4000, lunch.")


def test_it_pauses_between_its_tries_until_disconnect(visit):
    """By chance from one to two seconds: thirty pages do not knock at the same moment."""
    server, page = visit()
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    for ended, pause in enumerate([2000, 1000, 1000], start=1):
        page.wait_for_function("ended => codes.length === ended", arg=ended)
        page.evaluate("Math.random = () => 0")
        page.clock.run_for(pause - 1)
        assert page.evaluate("tries") == ended
        page.clock.run_for(1)
        assert page.evaluate("tries") == ended + 1
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.clock.run_for(60_000)
    assert page.evaluate("tries") == 4


def test_connect_tries_at_once(visit):
    """In "Connection lost" as well as in "No answer", it doesn't wait for the pause's end."""
    server, page = visit()
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    page.locator("#connect").click()
    has_state(page, "No answer")
    page.wait_for_function("tries === 2 && codes.length === 2")
    page.locator("#connect").click()
    page.wait_for_function("tries === 3")


def test_disconnect_and_connect(visit):
    server, page = visit()
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


def test_one_connection_however_often_connect_is_pressed(visit, connect):
    server, page = visit()
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.evaluate("for (let i = 0; i < 5; i += 1) document.querySelector('#connect').click()")
    has_state(page, "Connected")
    expect(page.locator("#connect")).to_be_disabled()
    connect(server.url).send("once")
    expect(lines(page, "received")).to_have_text(["once"])
    assert page.evaluate("tries") == 2


@freezes
def test_a_frozen_server(visit):
    server, page = visit()
    stop_clock(page)
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.locator("#disconnect").click()
        has_state(page, "Disconnecting …", "Waiting for the server to agree.")
        expect(page.locator("#connect")).to_be_enabled()
        page.locator("#connect").click()
        has_state(page, "Connecting …")
        page.clock.run_for(8000)
        has_state(page, "No answer", "Is server.py running?")
    finally:
        server.process.send_signal(signal.SIGCONT)
    has_state(page, "Connected")
    server.expect("connection closed")
    send(page, "one")
    expect(lines(page, "received")).to_have_text(["one"])
