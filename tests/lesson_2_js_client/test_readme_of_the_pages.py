"""What js_client/README.md asks a reader to do in the browser: the steps, the first exercise."""

import shutil

import pytest
from course import ROOT
from pages import SERVED, copy_of, has_state, lines, no_errors, send
from playwright.sync_api import expect
from terminals import BUILD, edit, read_blocks

pytestmark = pytest.mark.browser
BLOCKS = read_blocks(ROOT / "js_client" / "README.md")


@pytest.mark.parametrize("last", [1, 2, 3, 4, 5])
def test_each_step_talks(start_server, open_page, tmp_path, last):
    server = start_server(SERVED)
    url = copy_of("js_client", tmp_path, server.port)
    index, script = (tmp_path / "js_client" / name for name in ("index.html", "my_script.js"))
    index.write_text(index.read_text("utf-8").replace('"script.js"', '"my_script.js"'), "utf-8")
    steps = [block for block in BLOCKS if block.section == BUILD]
    script.write_text(steps[0].text, "utf-8")
    for block in steps[1:last]:
        edit(block, script.parent, files=[script])
    page = open_page(url)
    if last > 1:
        has_state(page, "Connected", "You're talking to")
        send(page, "hello")
    expect(lines(page, "received")).to_have_text(["hello"])
    server.stop()
    has_state(page, "Disconnected" if last < 4 else "Connection lost")
    if last >= 4:
        start_server(SERVED, port=server.port)
        has_state(page, "Connected", "The server is back")
    no_errors(page)


def test_a_phone_as_a_remote_for_the_color(start_server, open_page, tmp_path):
    remote, change = [block for block in BLOCKS if block.heading.startswith("A phone as")]
    folder = shutil.copytree(ROOT / SERVED, tmp_path / "server")
    (folder / "public" / "remote.html").write_text(remote.text, "utf-8")
    server = start_server(SERVED, cwd=folder)
    url = copy_of("js_client", tmp_path, server.port)
    edit(change, tmp_path / "js_client")
    page = open_page(url)
    has_state(page, "Connected")
    phone = open_page(f"{server.http}/remote.html")
    phone.wait_for_function("socket.readyState === WebSocket.OPEN")
    phone.locator("input").fill("#ff6347")
    expect(lines(page, "received")).to_have_text(["#ff6347"])
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 99, 71)")
