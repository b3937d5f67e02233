"""Which pages may connect (section 10.2): the browser says in Origin where a page is from."""

import pytest
from wire import Wire

HTTP = "http_ws_server_example"


@pytest.mark.parametrize(
    "origin, status",
    [
        # The inside of a provider's network, and of one such as Tailscale's.
        ("http://100.64.0.1:8000", 101),
        ("https://100.127.255.254", 101),
        ("http://100.63.255.255", 403),
        ("http://100.128.0.1", 403),
        ("http://[::ffff:100.100.1.1]", 101),
        ("http://100.64.0.1.example.org", 403),
    ],
)
def test_shared_addresses_are_private(start_server, origin, status):
    server = start_server(HTTP)
    with Wire(server.port, Origin=origin) as client:
        assert client.status == status
    if status == 403:
        server.expect("ALLOWED_SITES")


def test_pages_from_disk_can_be_kept_out(start_server):
    """A sandboxed frame of any web site says `null` too: a setting closes that door."""
    opened = start_server(HTTP)
    for origin in ("null", "file://"):
        with Wire(opened.port, Origin=origin) as client:
            assert client.status == 101
    closed = start_server(HTTP, settings={"PAGES_FROM_DISK": False})
    for origin in ("null", "file://"):
        with Wire(closed.port, Origin=origin) as client:
            assert client.status == 403
    closed.expect("PAGES_FROM_DISK = True")
    # Who isn't a browser, and the server's own page, come in all the same.
    for origin in (None, "http://localhost:3000"):
        with Wire(closed.port, Origin=origin) as client:
            assert client.status == 101
