"""What the tests of this lesson stand on: builds of the sketch, boards that run it, a server.

Time is simulated and passes in step with the test (support/arduino_host/board.py): the figures
in ms are the sketch's own, and exact on a busy computer too.
"""

import sys

import pytest
from arduino_host import build
from arduino_host.board import Board, Server
from course import free_port, need

SKETCH = build.SKETCH


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The tests of this folder stay together: they share builds that take long. None on Windows:
    the simulated board has POSIX sockets."""
    for item in items:
        if "lesson_6" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("board"))
            if sys.platform == "win32":
                item.add_marker(pytest.mark.skip("the simulated board has POSIX sockets"))


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Returns program(board="nina", sketch=SKETCH): the path of a build with sanitizers."""
    compiler = need("g++")
    done = {}

    def make(board="nina", sketch=SKETCH):
        if (board, sketch) not in done:
            folder = tmp_path_factory.mktemp(board)
            source = build.translate(sketch, folder, board)
            options = ["-g", *build.SANITIZERS, "-o", folder / "sketch"]
            build.build(compiler, source, *options, board=board)
            done[board, sketch] = folder / "sketch"
        return done[board, sketch]

    return make


@pytest.fixture
def server():
    """A scripted server that listens; closed with the test."""
    server = Server(free_port())
    yield server
    server.close()


@pytest.fixture
def start(program, server):
    """Returns start(board="nina", sketch=SKETCH, **settings): the sketch, just switched on."""
    boards = []

    def switch_on(board="nina", sketch=SKETCH, **settings):
        boards.append(Board(program(board, sketch), server, **settings))
        return boards[-1]

    yield switch_on
    for board in boards:
        board.close()


@pytest.fixture
def connected(start, server):
    """Returns (board, visitor): the sketch after its first message, and its connection."""
    board = start()
    board.until(server.readings)
    board.expect("Sent: ")
    return board, server.visitors[0]
