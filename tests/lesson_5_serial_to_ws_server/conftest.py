"""A board, and a server that reads it."""

import pytest
from serial_board import FOLDER, Board


@pytest.fixture
def board(tmp_path):
    board = Board(str(tmp_path / "board"))
    yield board
    board.unplug()


@pytest.fixture
def listen(start_server, connect):
    """Returns listen(*words): a server on these words, and a client that is in."""

    def start(*words):
        server = start_server(FOLDER, *words)
        client = connect(server.url)
        server.expect("New Connection")
        return server, client

    return start
