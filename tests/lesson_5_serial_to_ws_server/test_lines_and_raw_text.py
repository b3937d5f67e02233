"""What a board prints: lines, text as it comes, bytes, noise, floods, nothing."""

import select
import threading
import time

import pytest
from course import PATIENCE
from serial_board import FOLDER, hear, hear_until, silence
from wire import gather, meanwhile, served, wait_until


def print_apart(board, pieces):
    """Prints each piece when the server has read the one before."""
    for piece in pieces:
        board.print(piece)
        wait_until(lambda: not select.select([board.there], [], [], 0)[0], "it is not read")


def test_lines_in_any_pieces(listen, board):
    """Each line comes once and whole, with either end, however the reads fall."""
    server, client = listen(board.name, "t")
    silence()
    print_apart(board, b"5|12\r|\nhel|lo|\n|\xc3|\xa4\r\n\r\na|\tb\n|cr\rin it\n".split(b"|"))
    assert hear(client, 6) == ["512", "hello", "ä", "", "a\tb", "cr\rin it"]
    server.expect("^hello$")


def test_a_buttons_first_line_arrives(listen, board):
    """A button or a card reader says nothing until it's used: its first line is a whole one."""
    server, client = listen(board.name, "t")
    silence()
    board.print(b"pressed\n")
    assert hear(client, 1) == ["pressed"]
    for number in range(2):
        board.unplug()
        server.expect("is gone")
        board.plug()
        server.expect("is back")
        silence()
        board.print(b"pressed again %d\n" % number)
        assert hear(client, 1) == [f"pressed again {number}"]


def test_a_line_under_way_when_the_port_is_opened_is_dropped(listen, board):
    """Its beginning is lost, so the rest of it makes no sense."""
    is_in = threading.Event()

    def talk():
        while not is_in.wait(0.01):
            board.print(b"x")
        board.print(b"\nwhole\n")

    with meanwhile(talk):
        server, client = listen(board.name, "t")
        is_in.set()
        assert hear(client, 1) == ["whole"]


def test_raw_text_keeps_letters_whole(listen, board):
    """Without a line mode everything is passed on as it comes, but no letter in halves."""
    server, client = listen(board.name)
    print_apart(board, [bytes([byte]) for byte in "ä€😀\r\n".encode()])
    heard = ""
    while not heard.endswith("\r\n"):
        heard += client.recv(timeout=PATIENCE)
    assert heard == "ä€😀\r\n"


def test_binary_is_untouched(listen, board):
    server, client = listen(board.name, "--binary")
    data = bytes(range(256)) * 4
    with meanwhile(board.print, data):
        heard = b""
        while len(heard) < len(data):
            message = client.recv(timeout=PATIENCE)
            assert isinstance(message, bytes)
            heard += message
    assert heard == data
    server.expect(r"\(\d+ bytes\)")


@pytest.mark.parametrize(
    "words, prints, sentence",
    [
        (["t"], b"", r"Nothing has come from [^$]*Serial\.begin\(9600\)"),
        ([], b"", r"Nothing has come from [^$]*Serial\.begin\(9600\)"),
        (["t"], b"512 ", r"no line has ended [^$]*println\(\)[^$]* leave out the t"),
        (["t", "--baud", "115200"], b"\xff\xe0\n", r"unreadable[^$]*--baud 115200[^$]*--binary"),
        ([], b"\xfe\x80\x00\xf8", r"unreadable[^$]*--baud 115200[^$]*--binary"),
        (["t"], b"\x00\x01\x02\x00", r"unreadable[^$]*--baud 115200[^$]*--binary"),
    ],
    ids=["nothing", "nothing, raw", "no line end", "noise", "noise, raw", "Serial.write()"],
)
def test_a_board_that_makes_no_sense_gets_one_sentence(listen, board, words, prints, sentence):
    """After five seconds, and then never again; the connection stays."""
    server, client = listen(board.name, *words)
    for _ in range(200):
        board.print(prints)
    server.expect(sentence)
    said = server.output
    board.print(b"\nend\n")
    while not client.recv(timeout=PATIENCE).endswith(("end", "end\n")):
        pass
    silence()
    assert "five seconds" not in server.output[len(said) :]
    assert "unreadable" not in server.output[len(said) :]


def test_noise_at_the_start_is_normal(listen, board):
    server, _ = listen(board.name, "t")
    board.print(b"\xff\xfe\x00noise\n" + b"512\r\n" * 30)
    time.sleep(6)  # after five seconds it would be said, and nothing is
    assert "unreadable" not in server.output and "five seconds" not in server.output


def test_a_million_bytes_without_an_end(listen, board):
    """They don't pile up, no message is much longer than the limit, and the next line is whole."""
    server, client = listen(board.name, "t")
    board.print(b"begin\n")
    with meanwhile(board.print, b"x" * 1_000_000 + b"\nend\n"):
        heard = hear_until(client, "end")
    assert max(len(message) for message in heard) < 20_000
    assert "".join(heard).removeprefix("begin").startswith("x" * 900_000)


def test_flood_to_ten_clients(start_server, board, join):
    """100,000 numbered lines reach everyone, all and in order, though one client never reads."""
    server = start_server(FOLDER, board.name, "t", settings={"PING_EVERY": 1000})
    wires = [join(server) for _ in range(10)]
    join(server, receive_buffer=4096)
    silence()
    lines = [str(number) for number in range(100_000)]
    expected = b"".join(served(line) for line in lines)
    with meanwhile(board.print, "\r\n".join([*lines, ""]).encode()):
        received = gather(wires, len(expected))
    assert all(data == expected for data in received)
