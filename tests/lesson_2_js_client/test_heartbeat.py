"""A page can't see that its connection is dead: the heartbeat shows it."""

import contextlib
import socket
import threading

import pytest
from pages import SERVED, has_state, lines, no_errors, send, stop_clock
from playwright.sync_api import expect
from websockets.sync.server import serve

pytestmark = pytest.mark.browser


class Relay:
    """A link to a server. While .link is not set, nothing passes, and nobody is told."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.link = threading.Event()
        self.link.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                page = self.listener.accept()[0]
                server = socket.create_connection(self.server)
                for ends in ((page, server), (server, page)):
                    threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source, target):
        with contextlib.suppress(OSError), source:
            while data := source.recv(65536):
                self.link.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


def test_a_dead_link_is_noticed_and_the_page_comes_back(start_server, page_of, connect):
    """In real time. Without the heartbeat, Chromium takes 449 s to notice, Firefox 602."""
    server = start_server(SERVED)
    relay = Relay(server.port)
    page, other = page_of(relay.port), connect(server.url)
    has_state(page, "Connected")
    page.wait_for_function("beats === 1")
    expect(lines(page, "received")).to_have_count(0)
    relay.link.clear()
    expect(page.locator("#state")).to_have_text("Connection lost", timeout=60_000)
    has_state(page, "Connection lost", "Nothing came for 25 seconds. Trying again")
    relay.link.set()
    has_state(page, "Connected")
    # What the old connection still brings is not shown twice; nobody else gets heartbeats.
    send(page, "once")
    assert other.recv() == "once"
    expect(lines(page, "received")).to_have_text(["once"])
    no_errors(page)
    relay.listener.close()


@pytest.mark.parametrize(
    "query, asked", [("", "/?heartbeat"), ("chat", "/chat?heartbeat"), ("?x=1", "/?x=1&heartbeat")]
)
def test_other_servers_may_be_silent(js_client, query, asked):
    """A server that knows no heartbeat sees one word in the address, which people don't see."""
    paths = []

    def record(_, request):
        paths.append(request.path)

    with serve(list, "localhost", 0, process_request=record) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        page = js_client(port)
        page.locator("#address").fill(f"ws://localhost:{port}/{query}")
        page.locator("#address").press("Enter")
        has_state(page, "Connected", f"ws://localhost:{port}/{query}")
        stop_clock(page)
        page.clock.run_for(3_600_000)
        has_state(page, "Connected")
        expect(page.locator("#address")).to_have_value(f"ws://localhost:{port}/{query}")
        assert asked in paths
        server.shutdown()


@pytest.mark.parametrize(
    "awake", ["window.dispatchEvent(new Event('online'))",
              "document.dispatchEvent(new Event('visibilitychange'))"])  # fmt: skip
def test_the_network_is_back_or_the_page_wakes_up(visit, start_server, awake):
    """It doesn't wait for the next try; but it stays as it is if nothing is wrong or wanted."""
    server, page = visit()
    page.evaluate(awake)
    assert page.evaluate("tries") == 1
    stop_clock(page)
    server.kill()
    has_state(page, "Connection lost")
    start_server(SERVED, port=server.port)
    page.evaluate(awake)
    has_state(page, "Connected")
    page.locator("#disconnect").click()
    has_state(page, "Disconnected")
    page.evaluate(awake)
    assert page.evaluate("tries") == 2
