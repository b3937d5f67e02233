"""The handshake (RFC 6455, section 4): who is let in, what is answered to everybody else."""

import ssl

import pytest
from wire import ACCEPT, PING, PONG, Wire, frame, request

HANDSHAKES = {
    "4.2.2 a handshake as it should be": ({}, 101),
    "4.2.1 the key words in any case": ({"Upgrade": "WebSocket", "Connection": "upgrade"}, 101),
    "4.2.1 extensions that the server does not know": (
        {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
        101,
    ),
    "5.1 any path, with a query": ({"path": "/room/one?name=a%20b"}, 101),
    "4.2.1 no key": ({"Sec-WebSocket-Key": None}, 400),
    "4.2.1 a key of 15 bytes": ({"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA"}, 400),
    "4.2.1 a key that is no base64": ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub2!jZQ=="}, 400),
    "4.2.1 a key with a letter that is no ASCII": (
        {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZé=="},
        400,
    ),
    "4.4 version 8": ({"Sec-WebSocket-Version": "8"}, 400),
    "4.2.1 HEAD": ({"method": "HEAD"}, 400),
    "4.2.1 POST": ({"method": "POST"}, 501),
    "4.2.1 a proxy took Upgrade away": ({"Upgrade": None, "Connection": "close"}, 400),
    "10.2 a page from somewhere else": ({"Origin": "https://example.com"}, 403),
    "a header line of 70 KB": ({"Cookie": "x" * 70_000}, 431),
    "200 headers": ({f"X-{n}": "x" for n in range(200)}, 431),
    "a path of 70 KB": ({"path": "/" + "x" * 70_000}, 414),
}


@pytest.mark.parametrize("rule", HANDSHAKES)
def test_rule_of_the_handshake(server, rule):
    changes, status = HANDSHAKES[rule]
    with Wire(server.port, path=None) as client:
        client.send(request(**changes))
        got, headers = client.read_head()
        assert got == status
        if status == 101:
            assert headers["sec-websocket-accept"] == ACCEPT
            assert headers["upgrade"].lower() == "websocket"
            assert headers["connection"].lower() == "upgrade"
            assert "sec-websocket-extensions" not in headers
            client.sync()
            return
        if changes.get("method") != "HEAD":
            page = client.read_body(headers).decode()
            assert headers["content-type"].startswith("text/html")
            assert "<" in page and len(page) > 40
            assert headers["websocket-server"] == "SturdyServer"
        assert client.is_at_end()


def test_frames_right_behind_the_request(server):
    """A client need not wait for the answer to its handshake."""
    with Wire(server.port, path=None) as client:
        client.send(request() + frame(PING, b"early"))
        assert client.read_head()[0] == 101
        assert client.read() == (PONG, b"early")


@pytest.mark.parametrize(
    "asked, chosen", [(None, None), ("mqtt, chat", "mqtt"), ("chat,mqtt", "chat"), (" , ", None)]
)
def test_subprotocol(server, asked, chosen):
    """A browser gives up if none of the protocols it names is chosen."""
    with Wire(server.port, Sec_WebSocket_Protocol=asked) as client:
        assert client.status == 101
        assert client.headers.get("sec-websocket-protocol") == chosen
        client.sync()


def test_what_a_client_says_is_not_a_part_of_the_page(server):
    """Headers that stand in an answer are text there, not tags."""
    with Wire(server.port, path=None) as client:
        client.send(request(Origin="http://<script>.example.com"))
        status, headers = client.read_head()
        assert status == 403
        assert "<script" not in client.read_body(headers).decode().lower()


def test_proxy_that_takes_upgrade_away_is_named_once(start_server):
    """The default of nginx. The page can't tell; the terminal can."""
    server = start_server()
    for _ in range(3):
        with Wire(server.port, path=None) as client:
            client.send(request(Upgrade=None, Connection="close"))
            status, headers = client.read_head()
            assert status == 400
            assert "proxy" in client.read_body(headers).decode()
    server.expect("proxy.*(\n.*)*HTTPS.md")
    assert server.output.count("proxy in between") == 1


def test_https_at_this_port_is_said_once(start_server):
    """A browser at https:// or wss:// sends TLS. It gets no TLS back, and the terminal says why."""
    server = start_server()
    for _ in range(2):
        with Wire(server.port, path=None) as client, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(client.socket, server_hostname="localhost")
    server.expect("tried https:")
    assert server.output.count("tried https:") == 1
