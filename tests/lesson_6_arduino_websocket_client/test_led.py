"""The LED: on and off by messages, and what it tells about network and server."""

import pytest
from arduino_host import build


@pytest.mark.parametrize(
    "board, on, off",
    [
        ("nina", "on", "off"),
        ("nina", '"127.0.0.1: on"', '"127.0.0.1: off"'),
        ("nina", '"::1: ON "', '"::1: off\\n"'),
        ("nina", " on\r\n", "OFF "),
        ("nina", '"on"', '"off"'),
        # There, LOW switches it on.
        ("esp8266", "on", "off"),
        ("mbed", "on", "off"),
    ],
)
def test_on_and_off_switch_the_led(start, server, board, on, off):
    board = start(board)
    board.until(server.readings)
    board.run(200)
    assert board.led == 0
    for text, led in ((on, 1), ("What was on?", 1), (off, 0)):
        server.visitors[0].say(text)
        board.run(1000)
        assert board.led == led, text


@pytest.mark.parametrize(
    "text", ["The light is: on", '"::1: light: on"', "on and on", '{"led": "on"}', '"', '": on', ""]
)
def test_other_texts_with_on_in_them_do_not_switch_it(connected, text):
    board, visitor = connected
    visitor.say(text)
    board.run(1000)
    assert board.led == 0


def test_it_blinks_while_joining_and_is_on_for_a_moment_at_a_message(start, server):
    board = start()
    board.until(server.readings)
    assert len(board.leds) >= 2, "no blinking"
    board.run(500)
    before = len(board.leds)
    assert board.led == 0
    server.visitors[0].say("hello")
    board.run(500)
    (on, first), (off, second) = board.leds[before:]
    assert (first, second) == (1, 0) and 50 <= off - on <= 150


def test_it_flashes_every_two_seconds_while_there_is_no_server(start, server):
    server.close()
    board = start("esp32")
    board.expect("Nobody answered.", 20000)
    board.leds.clear()
    board.run(10000)
    ons = [time for time, led in board.leds if led]
    assert len(ons) == 5 and all(1900 <= b - a <= 2100 for a, b in zip(ons, ons[1:]))
    assert all(off - on < 200 for (on, _), (off, _) in zip(board.leds[::2], board.leds[1::2]))


@pytest.mark.parametrize(
    "radio, rate, seconds, all_printed",
    [*((radio, 60, 5, True) for radio in build.RADIOS), ("s3", 120, 30, False),
     ("nina", 250, 30, False)])  # fmt: skip
def test_on_is_not_late_in_a_stream(start, server, radio, rate, seconds, all_printed):
    """A slider sends 60 messages a second: each is printed, and lights the LED. A class sends more
    than the board can print: it says so once, and only obeys."""
    board = start(radio)
    board.until(server.readings)
    visitor = server.visitors[0]
    for number in range(seconds * rate):
        if number == seconds * rate // 2:
            visitor.say("on", seconds * 500)
        visitor.say(f'"192.168.1.101: {{\\"slider\\": {number}}}"', number * 1000 // rate)
    visitor.say("off", seconds * 1000)
    for ms, led in ((400, all_printed), (200, True), (400, False)):
        board.run(seconds * ms + 1200 * (not led))
        assert board.led == led
    assert (board.serial.count("slider") == seconds * rate) == all_printed
    assert board.serial.count("Too much to print") == (not all_printed)
    assert len(server.visitors) == 1
