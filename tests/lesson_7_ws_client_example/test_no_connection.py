"""What was typed after client.py, and why there is no connection."""

import os
import socket
import ssl
import subprocess

import pytest
from clients import END, HTTP, WS, assert_no_connection, client, pipe
from course import need


@pytest.mark.parametrize(
    "form",
    ["localhost:{}", "127.0.0.1:{}/room", "[::1]:{}", "ws://localhost:{}", "ws://[::1]:{}"],
)
def test_address_with_and_without_its_beginning(start_server, form):
    server = start_server(HTTP)
    assert pipe(client(form.format(server.port)), b"a\n") == (0, b"a\n", "")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_is_the_header_of_the_lesson(word):
    status, output, errors = pipe(client(word))
    assert (status, errors) == (0, "")
    assert output.startswith(b"WebSocket client\n") and b"python client.py ws://" in output


def test_a_word_too_much():
    said = "Type one address, with a colon before the port: client.py localhost:3000\n"
    assert pipe([*client("ws://localhost:3000/"), "hello"]) == (1, b"", said)


@pytest.mark.parametrize(
    "url, advice",
    [
        # Nobody listens on port 1.
        ("ws://127.0.0.1:1/", r".*refused.*\. Is server\.py running.*"),
        ("ws://localhost:1/", r".*refused.*\. Is server\.py running.*"),
        ("ws://nobody.invalid/", r"no computer has that name\..*"),
        ("http://127.0.0.1:8080/", "an address looks like ws://.*"),
        ("ws://127.0.0.1:99999/", "an address looks like ws://.*"),
        ("ws://[::1/", "an address looks like ws://.*"),
        ("ws://", "an address looks like ws://.*"),
    ],
)
def test_bad_addresses(url, advice):
    assert_no_connection(url, advice)


@pytest.mark.parametrize(
    "answer, advice",
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "it sent HTTP 404.*"),
        (b"HTTP/1.1 101 Hm\r\nUpgrade: no\r\n\r\n", "no WebSocket server answered.*"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "no WebSocket server answered.*"),
        (b"", r"no WebSocket server answered \(.*"),
    ],
)
def test_not_a_websocket_server(serve_bytes, answer, advice):
    assert_no_connection(f"ws://127.0.0.1:{serve_bytes(answer)}/", advice)


def test_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        assert_no_connection(url, ".*timed out.*")


def test_encryption(serve, start_server, tmp_path, run):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    words += f" -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    subprocess.run([need("openssl"), *words.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handler(connection):
        for number in range(5000):
            connection.send(str(number))
        connection.recv()

    by_address = serve(handler, ssl=context)
    by_name = by_address.replace("127.0.0.1", "localhost")
    program = run(client(by_name), env={"SSL_CERT_FILE": certificate})
    program.expect("^4999\n")
    assert program.output == "".join(f"{number}\n" for number in range(5000))
    assert_no_connection(by_name, r"its certificate can't be trusted \(self.signed.*\)\.")
    advice = r"its certificate can't be trusted \(IP address.*\)\."
    assert_no_connection(by_address, advice, {**os.environ, "SSL_CERT_FILE": str(certificate)})
    plain = start_server(WS).url.replace("ws://", "wss://")
    assert_no_connection(plain, r"that server doesn't speak wss://\. Try ws://\.")


def test_proxy_only_for_far_away(start_server, serve_bytes):
    """A proxy stands before the internet: nothing on this computer or network goes through it."""
    proxy = f"http://127.0.0.1:{serve_bytes(b'HTTP/1.1 403 Forbidden' + END)}"
    around = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    around = {**around, "http_proxy": proxy, "no_proxy": "nowhere.invalid"}
    server = start_server(HTTP)
    for host in ("localhost", "127.0.0.1", "[::1]"):
        url = f"ws://{host}:{server.port}/"
        assert pipe(client(url), b"a\n", env=around) == (0, b"a\n", "")
    assert_no_connection("ws://nowhere.invalid/", r"no computer has that name\..*", around)
    assert serve_bytes.asked == []
    assert_no_connection("ws://class.invalid/", ".*403.*", around)
    assert serve_bytes.asked[0].startswith(b"CONNECT class.invalid:80 ")


def test_ctrl_c_while_it_connects(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = run(client(f"ws://127.0.0.1:{listener.getsockname()[1]}/"))
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            assert program.stop() == 0
        assert program.errors == "Disconnected.\n"
