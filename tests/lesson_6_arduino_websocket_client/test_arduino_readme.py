"""The README of the sketch: its short program runs, its solutions work, its figures are true."""

import re
import shutil
import subprocess

import pytest
from arduino_host import build
from arduino_host.board import Board
from course import need
from terminals import edit, read_blocks, solution

README = build.FOLDER / "README.md"


def table(heading):
    """Returns the rows of the table with this first heading, as lists of cells."""
    rows = README.read_text(encoding="utf-8").split(f"\n| {heading} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows.splitlines()[2:]]


@pytest.fixture
def solved(start, tmp_path):
    """Returns solved(heading): the sketch with the solution of this exercise, switched on."""

    def solve(heading):
        folder = tmp_path / build.FOLDER.name
        shutil.copytree(build.FOLDER, folder)
        edit(solution(README, heading)[0], folder)
        return start(sketch=folder / build.SKETCH.name)

    return solve


def test_the_shortest_one_works(program, server, tmp_path):
    (block,) = [
        block for block in read_blocks(README) if block.heading == "The shortest one that works"
    ]
    text = block.text.replace('"192.168.1.23", 8080', "SECRET_SERVER, SECRET_PORT")
    text = text.replace('"my network", "my password"', "SECRET_SSID, SECRET_PASS")
    assert len([line for line in text.splitlines() if line.strip()]) <= 22
    sketch = tmp_path / "shortest.ino"
    sketch.write_text('#include "arduino_secrets.h"\n' + text)
    board = Board(program(sketch=sketch), server)
    board.until(lambda: server.visitors and server.visitors[0].texts)
    assert server.visitors[0].texts[0][1] == "Hello"
    server.visitors[0].say("Hello, board")
    board.expect("Hello, board\n")
    board.close()


def test_the_easy_exercise(solved, server):
    board = solved("Easy: only when something changes")
    board.until(server.readings)
    board.run(3000)
    for sensor in (522, 523, 520, 534):
        board.tell(f"sensor {sensor}")
        board.run(500)
    sent = [text for time, text in server.readings()]
    assert sent == ['{"sensor": 512}', '{"sensor": 523}', '{"sensor": 534}']


def test_the_exercise_that_combines(solved, server):
    board = solved("Combine: two boards in one picture")
    board.until(server.readings)
    assert server.readings()[0][1] == '{"window": 512}'


def test_the_exercise_that_breaks_it(solved, server):
    board = solved("Break it: blinking for a minute")
    board.until(server.readings)
    board.run(500)
    server.visitors[0].say("blink")
    board.leds.clear()
    board.run(70000)
    assert 110 <= len(board.leds) <= 125 and len(server.visitors) == 1


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
    "radio, board_or_library",
    [("nina", "WiFiNINA"), ("wifi101", "MKR1000"), ("s3", ""), ("esp32", "")],
)
def test_what_the_numbers_say_of_a_misspelt_network(start, radio, board_or_library):
    """Whoever looks its number up is not sent to the password."""
    board = start(radio, network="misspelt")
    board.run(15000)
    meanings = {row[0]: row[2] for row in table("Status")}
    first, second = re.findall(r"status (\d+)\n", board.serial)
    assert first in meanings
    said = meanings[second][meanings[second].index(board_or_library) :]
    assert "no network of this name" in said.split(" On ")[0]


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


def test_every_board_is_in_the_table_and_in_the_error_message():
    boards = " ".join(row[0] for row in table("Board"))
    message = re.search(r'#error "(.*)there', (build.FOLDER / "board.h").read_text(), re.S)[1]
    for name in re.findall(r"[A-Z][\w ]+", message.split("Choose")[0].split("knows")[1]):
        assert name.split()[-1] in boards, name


def test_serial_texts_in_the_readme_are_the_sketchs_own():
    """What the README shows of the Serial Monitor is printed by the sketch."""
    shown = re.search(r"```text\n(Joining .*?)```", README.read_text(), re.S)[1]
    code = build.join_tabs(build.SKETCH)
    printed = [text for text in re.findall(r'"((?:[^"\\]|\\.)*)"', code) if len(text) > 3]
    for line in shown.splitlines():
        assert any(text.replace('\\"', '"') in line for text in printed), line
