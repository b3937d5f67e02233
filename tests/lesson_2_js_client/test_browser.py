"""What a browser's own WebSocket sees of the servers, without the pages of the course."""

import signal

import pytest

pytestmark = pytest.mark.browser

FOLDERS = ["ws_server_example", "http_ws_server_example"]

# Opens a WebSocket, does something with it, and returns what came and how it ended.
VISIT = """async ([url, protocols, act]) => {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  const ended = new Promise((resolve) => { socket.onclose = resolve; });
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  window.opened = true;
  const result = await eval(act);
  const { code, reason, wasClean } = await ended;
  return { code, reason, wasClean, result, protocol: socket.protocol };
}"""
# Sends a message of a million letters or bytes, and tells whether the same came back.
ROUND_TRIP = """(async () => {
  const sent = MESSAGE;
  socket.send(sent);
  const { data } = await new Promise((resolve) => { socket.onmessage = resolve; });
  socket.close(1000);
  if (typeof sent === "string") return data === sent;
  const came = new Uint8Array(data);
  return came.length === sent.length && came.every((byte, i) => byte === sent[i]);
})()"""
MESSAGES = {
    "text": "'grün, 绿, 🟢, '.repeat(100000)",
    "binary": "Uint8Array.from({ length: 1000000 }, (_, i) => i % 251)",
}


@pytest.fixture
def page(start_server, open_page):
    """A page that comes from this computer and does nothing by itself."""
    return open_page(start_server("http_ws_server_example").http + "/styles.css")


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_big_message_comes_back_whole(start_server, page, kind):
    """Chromium cuts it into fragments, also inside a letter."""
    server = start_server("http_ws_server_example")
    act = ROUND_TRIP.replace("MESSAGE", MESSAGES[kind])
    seen = page.evaluate(VISIT, [server.url, [], act])
    assert seen["result"] is True
    assert (seen["code"], seen["wasClean"]) == (1000, True)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "act, code",
    [("socket.close()", 1005), ("socket.close(1000)", 1000), ("socket.close(3456, 'bye')", 3456)],
)
def test_the_page_closes(start_server, page, folder, act, code):
    server = start_server(folder)
    seen = page.evaluate(VISIT, [server.url, [], act])
    assert (seen["code"], seen["wasClean"]) == (code, True)
    server.expect("connection closed")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_server_stops(start_server, page, folder):
    server = start_server(folder)
    page.evaluate(f"void (window.seen = ({VISIT})(['{server.url}', [], '0']))")
    page.wait_for_function("window.opened")
    assert server.stop(signal.SIGINT) == 0
    seen = page.evaluate("window.seen")
    assert (seen["code"], seen["wasClean"]) == (1001, True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_page_that_names_protocols(start_server, page, folder):
    """Chromium gives up if none of them is chosen."""
    server = start_server(folder)
    visit = [server.url, ["mqtt", "chat"], "socket.close()"]
    assert page.evaluate(VISIT, visit)["protocol"] == "mqtt"
