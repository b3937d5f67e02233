"""The log pages connect, leave and come back: every state of the connection."""

import socket

import pytest
from course import free_port
from pages import has_state, lines, no_errors, send, stop_clock
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_server_that_is_not_there(start_server, js_client):
    """A browser doesn't tell a page why nobody answers: the page names what it can be."""
    port = free_port()
    page = js_client(port)
    has_state(page, "No answer", f"No answer from ws://localhost:{port}/. Is server.py running? "
              "Did it refuse this page? (Its terminal says so.) Is there a proxy in between? "
              "Still trying.")  # fmt: skip
    assert page.title() == "○ No answer - WebSocket client"
    assert page.locator("#send").is_disabled()
    start_server("ws_server_example", port=port)
    has_state(page, "Connected", "You're talking to")
    no_errors(page)


def test_a_server_that_never_answers(js_client):
    """A browser alone would wait for minutes."""
    page = js_client(free_port())
    has_state(page, "No answer")
    stop_clock(page)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        page.locator("#address").fill(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
        page.locator("#address").press("Enter")
        page.clock.run_for(7_900)
        has_state(page, "Connecting …")
        page.clock.run_for(100)
        has_state(page, "No answer")


@pytest.mark.parametrize(
    "end, reason", [("kill", "Code 1006, the connection just broke"),
                    ("stop", "Code 1001, the server")])  # fmt: skip
def test_server_goes_and_comes_back(visit, start_server, end, reason):
    """Firefox holds tries back after some refusals: it comes back all the same."""
    server, page = visit()
    getattr(server, end)()
    has_state(page, "Connection lost", reason)
    page.wait_for_function("codes.length >= 3")
    has_state(page, "Connection lost", reason)
    start_server("http_ws_server_example", port=server.port)
    has_state(page, "Connected", "The server is back")
    address = f"ws://localhost:{server.port}/"
    told = lines(page, "event").all_text_contents()
    assert [told[0], told[-1]] == [f"connected to {address}", f"connected again to {address}"]
    assert told[1].startswith(f"connection lost. {reason}")
    send(page, "still here")
    expect(lines(page, "received")).to_have_text(["still here"])
    no_errors(page)


def test_it_pauses_between_its_tries_until_disconnect(visit):
    """For one to two seconds, by chance; here, chance is the longest pause."""
    server, page = visit()
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    page.clock.run_for(1999)
    assert page.evaluate("tries") == 1
    page.clock.run_for(1)
    page.wait_for_function("codes.length === 2")
    page.locator("#disconnect").click()
    page.clock.run_for(60_000)
    assert page.evaluate("tries") == 2


def test_disconnect_and_connect(visit):
    server, page = visit()
    has_state(page, "Connected", f"You're talking to ws://localhost:{server.port}/")
    assert page.title() == "● Connected - WebSocket client"
    page.locator("#disconnect").click()
    has_state(page, "Disconnected", "Press Connect")
    expect(page.locator("#connect")).to_be_focused()
    expect(lines(page, "event").last).to_contain_text("disconnected from ws://localhost")
    server.expect("connection closed")
    assert page.evaluate("codes") == [1000]
    assert page.locator("#send").is_disabled() and page.locator("#disconnect").is_disabled()
    send(page, "into nothing")
    expect(lines(page, "sent")).to_have_count(0)
    expect(page.locator("#outgoing")).to_have_value("into nothing")
    # However often Connect is pressed, and for however long: there is one connection.
    page.locator("#connect").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    has_state(page, "Connected")
    expect(page.locator("#disconnect")).to_be_focused()
    assert page.evaluate("tries") == 2
