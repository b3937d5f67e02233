"""The Wi-Fi goes and comes back, takes long to join, or can't be joined."""

import re

import pytest
from arduino_host import build


@pytest.mark.parametrize("radio", build.RADIOS)
def test_the_network_is_lost_and_comes_back(start, server, radio):
    board = start(radio)
    board.until(server.readings)
    board.tell("wifi 0")
    board.run(20000)
    assert board.serial.count("The Wi-Fi is lost.\nJoining the network") == 1
    assert len({time // 250 for time, led in board.leds}) > 20, "no blinking"
    board.tell("wifi 1")
    back = board.now
    # With WiFiS3, a network that isn't there looks like one that takes its time.
    board.until(lambda: server.readings(back), 60000 if radio == "s3" else 20000)
    assert len(server.visitors) == 2


@pytest.mark.parametrize("radio", build.RADIOS)
@pytest.mark.parametrize("ms", [7000, 12000, 25000, 55000])
def test_a_network_that_takes_long_to_join(start, server, radio, ms):
    """Each new begin() starts anew, so it must not come too soon. The libraries' own limits are 50
    to 60 s."""
    board = start(radio)
    board.tell(f"join {ms}")
    board.until(server.readings, ms + 6000)
    assert board.serial.count("Joining the network") == 1


@pytest.mark.parametrize("radio, first", [("nina", 0), ("wifi101", 0), ("s3", 0), ("esp32", 254)])
@pytest.mark.parametrize("settings", [{"network": "none"}, {"password": "no"}], ids=str)
def test_a_network_that_can_not_be_joined(start, server, radio, first, settings):
    """Most radios say so, and it is tried again soon. WiFiNINA and WiFi101 have one state for both,
    and WiFiS3 the one of a network that takes its time."""
    board = start(radio, **settings)
    board.run(65000 if radio == "s3" else 35000)
    tries = [int(n) for n in re.findall(r"Joining the network \w+, status (\d+)\n", board.serial)]
    status = {"nina": 4, "wifi101": 6, "s3": 0}.get(radio, 1 if "network" in settings else 4)
    count = [2] if radio == "s3" else [3, 4]
    assert tries[0] == first and set(tries[1:]) == {status} and len(tries) in count


def test_examples_in_the_secrets_are_pointed_out(start, server):
    real = (build.FOLDER / "arduino_secrets.h").read_text()
    examples = dict(re.findall(r'#define (\w+) "(.*)"', real))
    advice = "Fill in your network and server in arduino_secrets.h, then upload again.\n"
    start(network=examples["SECRET_SSID"]).expect(advice)
    start(address=examples["SECRET_SERVER"]).expect(advice)
    board = start()
    board.run(3000)
    assert advice not in board.serial


@pytest.mark.parametrize("radio", build.RADIOS)
def test_connected_but_without_an_address(start, server, radio):
    """The UNO R4 WiFi says so for some seconds. Nobody can be reached until it has one."""
    board = start(radio)
    board.tell("address 2300")
    board.until(server.readings, 6000)
    assert "0.0.0.0" not in board.serial and "Nobody answered" not in board.serial
