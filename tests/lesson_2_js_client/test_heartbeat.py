"""A page can't see that its connection is dead: the heartbeat shows it."""

import signal
import threading

import pytest
from course import posix_only
from pages import SERVED, has_state, lines, no_errors, send, stop_clock
from playwright.sync_api import expect
from websockets.sync.server import serve

pytestmark = pytest.mark.browser


@posix_only
def test_a_silent_server_is_noticed_and_the_page_comes_back(start_server, page_of, connect):
    """Without the heartbeat, Chromium takes 449 s to notice a dead link, Firefox 602."""
    server = start_server(SERVED, settings={"PING_EVERY": 1})
    page, other = page_of(server.port), connect(server.url)
    has_state(page, "Connected")
    stop_clock(page)
    page.evaluate("beats = 0, first = socket")
    page.wait_for_function("beats > 0")
    expect(lines(page, "received")).to_have_count(0)
    server.process.send_signal(signal.SIGSTOP)
    page.clock.fast_forward(24_000)
    has_state(page, "Connected")
    page.clock.fast_forward(25_500)
    has_state(page, "Connection lost", "Nothing came for 25 seconds. Trying again")
    server.process.send_signal(signal.SIGCONT)
    has_state(page, "Connected", "The server is back")
    # That the first connection ends late doesn't matter anymore.
    page.evaluate("first.dispatchEvent(new CloseEvent('close', {code: 1006}))")
    has_state(page, "Connected", "The server is back")
    assert page.evaluate("tries") == 2
    # Nobody else gets heartbeats.
    send(page, "once")
    assert other.recv() == "once"
    expect(lines(page, "received")).to_have_text(["once"])
    no_errors(page)


@pytest.mark.parametrize(
    "query, asked", [("", "/?heartbeat"), ("chat", "/chat?heartbeat"), ("?x=1", "/?x=1&heartbeat")]
)
def test_other_servers_may_be_silent(js_client, start_server, query, asked):
    """A server without heartbeats sees a word in its address. The page had one with them before."""
    paths = []

    def record(_, request):
        paths.append(request.path)

    def echo(client):
        for message in client:
            client.send(message)

    with serve(echo, "localhost", 0, process_request=record) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        page = js_client(start_server(SERVED).port)
        page.wait_for_function("beats > 0")
        page.locator("#address").fill(f"ws://localhost:{port}/{query}")
        page.locator("#address").press("Enter")
        has_state(page, "Connected", f"ws://localhost:{port}/{query}")
        stop_clock(page)
        send(page, "hello")
        expect(lines(page, "received")).to_have_text(["hello"])
        page.evaluate("tries = 0")
        page.clock.run_for(3_600_000)
        has_state(page, "Connected")
        assert page.evaluate("tries") == 0
        expect(page.locator("#address")).to_have_value(f"ws://localhost:{port}/{query}")
        assert asked in paths
        server.shutdown()


@pytest.mark.parametrize(
    "awake, tries", [("window.dispatchEvent(new Event('online'))", 2),
                     ("document.dispatchEvent(new Event('visibilitychange'))", 1)])  # fmt: skip
def test_the_network_is_back_or_the_page_wakes_up(visit, start_server, awake, tries):
    """It doesn't wait for the next try. On another network, the old connection may be dead."""
    server, page = visit()
    page.evaluate(awake)
    assert page.evaluate("tries") == tries
    server.expect(f"(New Connection(.*\n)+){{{tries}}}")
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    start_server(SERVED, port=server.port)
    page.evaluate(awake)
    has_state(page, "Connected")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.evaluate(awake)
    assert page.evaluate("tries") == tries + 1
