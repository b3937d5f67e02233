"""Which pages may connect (RFC 6455, section 10.2): those from here, not any website's."""

import re

import pytest
from wire import Wire

MAY = [
    None,
    "null",
    "file://",
    "http://localhost:5500",
    "http://127.0.0.1:3000",
    "http://127.1.2.3",
    "http://[::1]:3000",
    "http://10.0.0.7:8000",
    "http://192.168.1.23:3000",
    "http://172.16.0.1",
    "http://172.31.255.255",
    # The inside of a provider's network, and of one such as Tailscale's.
    "http://100.64.0.1:8000",
    "https://100.127.255.254",
    # Names that nobody can register.
    "http://raspberrypi",
    "http://raspberrypi.lan",
    "http://x.local.",
    "http://course.localhost:3000",
    "http://pi.home.arpa:3000",
    "https://class.internal",
    # Programs and boards: no website has such an origin.
    "https://github.com/gilmaimon/TinyWebsockets",
    "ArduinoWebSocketClient",
    "chrome-extension://fgponpodhbmadfljofbimhhlengambbn",
    "http://169.254.3.4",
    "http://[fe80::1]",
    "http://raspberrypi.local:3000",
    "HTTP://LOCALHOST",
    "https://editor.p5js.org",
]


MAY_NOT = [
    "https://example.com",
    "http://8.8.8.8",
    "http://172.32.0.1",
    "http://100.128.0.1",
    "http://[2001:4860:4860::8888]",
    "http://localhost.example.com",
    "http://127.0.0.1.nip.io",
    "http://example.com#localhost",
    "http://example.local.com",
    "https://editor.p5js.org.example.com",
    "http://editor.p5js.org",
    "",
    "garbage",
    "http://[::ffff:8.8.8.8]",
]


@pytest.mark.parametrize("origin", MAY)
def test_page_that_may_connect(echo_server, origin):
    with Wire(echo_server.port, Origin=origin) as client:
        assert client.status == 101


@pytest.mark.parametrize("origin", MAY_NOT)
def test_page_that_may_not_connect(echo_server, origin):
    """It gets 403, and the terminal says what to add where."""
    with Wire(echo_server.port, Origin=origin) as client:
        assert client.status == 403
        client.read_body(client.headers)
        assert client.is_at_end()
    echo_server.seen = 0
    echo_server.expect(f"^Refused a page from '{re.escape(origin)}'.*ALLOWED_SITES")


ORIGINS = ["https://example.com", "https://editor.p5js.org", "null", "file://", None]


@pytest.mark.parametrize(
    "settings, statuses",
    [
        ({"ALLOWED_SITES": ["https://example.com"]}, [101, 403, 101, 101, 101]),
        # A sandboxed frame of any website says `null` too: a setting closes that door.
        ({"PAGES_FROM_DISK": False}, [403, 101, 403, 403, 101]),
    ],
    ids=["a site", "no pages from disk"],
)
def test_settings_of_the_lesson(start_server, settings, statuses):
    server = start_server(settings=settings)
    for origin, status in zip(ORIGINS, statuses):
        with Wire(server.port, Origin=origin) as client:
            assert client.status == status
    if "PAGES_FROM_DISK" in settings:
        server.expect("'null'.*\n.*PAGES_FROM_DISK = True")
        server.expect("'file://'.*\n.*PAGES_FROM_DISK = True")


def test_refused_origin_can_not_write_on_the_terminal(start_server):
    """What a stranger sends is printed as harmless text, and not at any length."""
    server = start_server()
    with Wire(server.port, Origin="http://\x1b[2J\x9b.example.com" + "x" * 5000) as client:
        assert client.status == 403
    line = server.expect("^.*ALLOWED_SITES.*\n")[0]
    assert line.strip().isprintable() and len(line) < 500
