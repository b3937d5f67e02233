"""What the README of the p5.js client tells to type: the shortest sketch, and the solutions."""

import json

import pytest
from p5_pages import FOLDER, frames, lines_drawn, p5_file, picture
from pages import SERVED, has_state
from terminals import edit, read_blocks, solution

pytestmark = pytest.mark.browser
README = FOLDER / "README.md"


def test_the_shortest_one(open_page, start_server, tmp_path, major):
    server = start_server("ws_server_example")
    blocks = read_blocks(README)
    (block,) = (each for each in blocks if each.heading == "The shortest one that works")
    source = block.text.replace(":8080", f":{server.port}")
    assert len([line for line in source.splitlines() if line]) <= 16
    library, _ = p5_file(major)
    (tmp_path / "p5.min.js").write_bytes(library.read_bytes())
    (tmp_path / "sketch.js").write_text(source, "utf-8")
    (tmp_path / "index.html").write_text(
        '<meta charset="utf-8"><script src="p5.min.js"></script><script src="sketch.js"></script>',
        "utf-8",
    )
    page = open_page((tmp_path / "index.html").as_uri())
    page.wait_for_function("socket && socket.readyState === WebSocket.OPEN")
    before = picture(page)
    box = page.locator("canvas").bounding_box()
    page.mouse.click(box["x"] + 200, box["y"] + 100)
    page.wait_for_function("size === 200")
    assert picture(page) != before


def solved(heading):
    def change(folder):
        edit(solution(README, heading)[0], folder)

    return change


def test_solution_draw_with_the_mouse(sketch, start_server, major):
    change = solved("Easy: draw with the mouse")
    page = sketch(start_server("ws_server_example"), major, change=change)
    has_state(page, "Connected")
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 90, steps=5)
    page.mouse.up()
    page.wait_for_function("graphs.has('x') && graphs.get('x').includes(150)")
    assert page.evaluate("graphs.get('y').includes(90)")
    # Who selects words in the text field draws nothing, and loses nothing.
    page.locator("#outgoing").fill("not sent yet")
    field = page.locator("#outgoing").bounding_box()
    page.mouse.move(field["x"] + 5, field["y"] + 5)
    page.mouse.down()
    page.mouse.move(field["x"] + 50, field["y"] + 5, steps=5)
    page.mouse.up()
    page.mouse.move(box["x"] + 50, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 170, box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_function("graphs.get('x').includes(170)")
    assert page.evaluate("Math.min(...graphs.get('x'))") >= 0
    assert page.locator("#outgoing").input_value() == "not sent yet"


def test_solution_seven_names(sketch, start_server, connect):
    server = start_server(SERVED)
    page = sketch(server, change=solved("Break it: seven names"))
    has_state(page, "Connected")
    connect(server.url).send(json.dumps(dict.fromkeys("abcdefg", 1)))
    page.wait_for_function("graphs.size === 7")
    frames(page)
    assert len(lines_drawn(page)["lines"]) == 7
