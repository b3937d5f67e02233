"""The README of the sketch: each step runs, and what it shows is printed."""

import shutil

import pytest
from arduino_host import build
from terminals import BUILD, edit, read_blocks

README = build.FOLDER / "README.md"


@pytest.fixture
def built(start, tmp_path):
    """Returns built(step): the sketch after this step of "Build it yourself", switched on."""
    sketch = tmp_path / "my_board" / "my_board.ino"
    sketch.parent.mkdir()
    shutil.copy(build.FOLDER / "board.h", sketch.parent)

    def build_it(steps):
        for block in read_blocks(README):
            if block.section == BUILD and int(block.heading[5]) <= steps:
                if block.kind == "diff":
                    edit(block, sketch.parent, files=[sketch])
                else:
                    sketch.write_text(block.text)
        if steps > 1:
            shutil.copy(build.FOLDER / "frames.ino", sketch.parent)
        return start(sketch=sketch)

    return build_it


def test_step_1_prints_what_is_sent(built, server):
    board = built(1)
    board.until(lambda: server.visitors and server.visitors[0].request)
    board.run(100)
    server.visitors[0].say("Hello, board")
    board.expect("Hello, board\n")


def test_step_2_comes_back(built, server):
    board = built(2)
    board.expect("Connected.\n")
    server.close()
    board.expect("Nobody answered.", 30000)
    server.open()
    board.expect("Connected.\n", 30000)
    server.visitors[-1].say("Hello again")
    board.expect("Received: Hello again\n")


def test_step_3_sends_and_obeys(built, server):
    board = built(3)
    board.until(lambda: len(server.readings()) == 2)
    server.visitors[0].say("on")
    board.run(1000)
    assert board.led == 1
