"""The Arduino sketch, as a process that runs eight times as fast, against the course's servers."""

import json

import course
import pytest

READING = '{"sensor": 512}'


@pytest.fixture
def board(run, program):
    """Returns board(port, path="/"): the sketch, switched on; type commands with write()."""
    boards = []

    def switch_on(port, path="/"):
        env = {"HOST_SPEED": 8, "SECRET_SSID": "class", "SECRET_PASS": "secret",
               "SECRET_SERVER": "127.0.0.1", "SECRET_PORT": port, "SECRET_PATH": path}  # fmt: skip
        boards.append(run([program()], stdin=True, env=env))
        return boards[-1]

    yield switch_on
    for one in boards:
        assert one.process.poll() is None, one.errors
        one.write("quit\n")
        assert one.wait() == 0, one.errors
        # Sanitizers would speak there too.
        assert set(one.errors.split()) <= {"LED", "0", "1"}, one.errors


def test_chat_server_page_and_board(start_server, board, open_page):
    """The page of js_client shows the readings, and "on" typed there switches the LED."""
    server = start_server("ws_server_example")
    page = open_page((course.ROOT / "js_client" / "index.html").as_uri())
    page.get_by_role("textbox").first.fill(server.url)
    page.get_by_role("button", name="Connect", exact=True).click()
    server.expect("New Connection")
    sketch = board(server.port)
    sketch.expect(r"^Connected\.\r?$")
    sketch.expect(r"^Sent: " + READING)
    server.expect("127.0.0.1: " + READING)
    page.get_by_role("listitem").filter(has_text="sensor").first.wait_for()
    sketch.expect(r'^Received: "127\.0\.0\.1: \{\\"sensor\\": 512\}"')
    for text, led in (("on", True), ("off", False)):
        page.get_by_role("textbox").last.fill(text)
        page.get_by_role("textbox").last.press("Enter")
        sketch.expect(rf'^Received: "127\.0\.0\.1: {text}"')
        assert led_stays_on(sketch) == led


def led_stays_on(sketch):
    """Tells whether the LED is on from one message to the next. If not, each is one flash."""
    sketch.expect(r"^Received: .*sensor")
    before = sketch.errors.count("LED 0")
    for _ in range(2):
        sketch.expect(r"^Received: .*sensor")
    return sketch.errors.count("LED 0") == before


def test_http_server_echoes_to_the_board_and_to_a_page(start_server, board, connect):
    server = start_server("http_ws_server_example")
    page = connect(server.url)
    sketch = board(server.port)
    assert json.loads(page.recv(timeout=course.PATIENCE)) == {"sensor": 512}
    sketch.expect(r"^Received: " + READING)
    page.send("on")
    sketch.expect(r"^Received: on\r?$")
    assert led_stays_on(sketch)
    page.send("off")
    sketch.expect(r"^Received: off\r?$")
    assert not led_stays_on(sketch)


def test_serial_server_sends_its_readings_to_the_board(start_server, board):
    server = start_server("serial_to_ws_server", "demo", "t")
    sketch = board(server.port)
    sketch.expect(r"^Connected\.")
    sketch.expect(r"^Received: .*\d")
