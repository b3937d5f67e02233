"""The README of the sketch: each step runs, and the figures of BOARDS.md are true."""

import re
import shutil
import subprocess

import pytest
from arduino_host import build
from course import need
from terminals import BUILD, edit, read_blocks

README = build.FOLDER / "README.md"
BOARDS = build.FOLDER / "BOARDS.md"


def table(heading):
    """Returns the rows of the table with this first heading, as lists of cells."""
    rows = BOARDS.read_text(encoding="utf-8").split(f"\n| {heading} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows.splitlines()[2:]]


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


@pytest.mark.parametrize("board", list(build.BOARDS))
def test_the_numbers_of_the_states_are_the_librarys(tmp_path, board):
    rows = table("Status")
    own = {"esp32": {"WL_STOPPED"}, "esp8266": {"WL_WRONG_PASSWORD"}}
    names = sorted({row[1] for row in rows} - {"WL_STOPPED"} | own.get(board, set()))
    headers = [path.name for path in (build.HERE / board).glob("*.h") if "Client" not in path.name]
    numbers = ", ".join(f"(int){name}" for name in names)
    (tmp_path / "states.cpp").write_text(
        f"#include <{headers[0]}>\n#include <stdio.h>\n#include <initializer_list>\n"
        f'int main() {{ for (int state : {{{numbers}}}) printf("%d ", state); }}\n'
    )
    program = tmp_path / "states"
    build.build(need("g++"), tmp_path / "states.cpp", "-o", program, board=board)
    for number, name in zip(subprocess.check_output([program], text=True).split(), names):
        assert [row for row in rows if row[0] == number and name in row[1] + row[2]], name


@pytest.mark.parametrize(
    "library, radio", [("WiFiNINA", "nina"), ("WiFi101", "wifi101"), ("WiFiS3", "s3")]
)
def test_how_long_loop_stands_still(start, server, library, radio):
    server.close()
    board = start(radio)
    board.expect("connects to", 40000)
    began = board.now
    board.expect("Nobody answered.", 40000)
    said = {row[0]: row[1] for row in table("Wi-Fi library")}[library]
    seconds = float(re.match(r"[\d.]+", said)[0])
    assert seconds * 1000 <= board.now - began < seconds * 1000 + 500


def test_serial_texts_in_the_readme_are_the_sketchs_own():
    """What the README shows of the Serial Monitor is printed by the sketch."""
    shown = re.search(r"```text\n(Joining .*?)```", README.read_text(), re.S)[1]
    code = build.join_tabs(build.SKETCH)
    printed = [text for text in re.findall(r'"((?:[^"\\]|\\.)*)"', code) if len(text) > 3]
    for line in shown.splitlines():
        assert any(text.replace('\\"', '"') in line for text in printed), line
