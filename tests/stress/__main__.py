"""
The stress: everything that goes wrong once in a hundred thousand messages, all at once

Three threads send to all without a break, while clients listen, read slowly, make the
lesson raise, or come and vanish at every moment of a connection.

Run it with:     python3 tests                         once, it makes the environment
                 python3 tests/stress                  a minute
                 python3 tests/stress --seconds 600    ten minutes
                 python3 tests/stress --python PATH    the server with another Python
You should see:  what was said and heard, and what is left over at the end: nothing. Exit
                 code 1, and a sentence, if a frame was wrong or something is left.
Needs:           Linux or macOS: it counts open files
"""

# ruff: noqa: E402 (what is imported last is only in the environment of the tests)
import argparse
import collections
import concurrent.futures
import contextlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

use_environment()
import psutil
from course import PATIENCE, ROOT, TESTS, free_port
from wire import TEXT, Wire, close_frame, frame, listens, request, wait_until

# Bytes that a server may have grown by. Python 3.14 collects garbage later than others do.
SLACK = 16 * 1024 * 1024
counted = collections.Counter()  # how often each thing was done
stop = threading.Event()


def listen(port, seed, slow):
    """Hears everything: each message whole, once, and in the order of who said it."""
    luck, expected, said = random.Random(seed), {}, False
    with Wire(port, receive_buffer=8192 if slow else None) as client:
        while (text := client.hear()) != f"last {seed}":
            who, number, rest = text.split(" ")
            due = expected.setdefault(who, int(number))
            assert int(number) == due, f"{who} said {number}, due was {due}; slow: {slow}"
            assert rest in ("x", "x" * 100, "x" * 3000), "a garbled message"
            expected[who] += 1
            counted["heard"] += 1
            if stop.is_set() and not said:
                client.say(f"last {seed}")
                said = True
            if slow and luck.random() < 0.05:
                time.sleep(luck.random() * 0.2)  # that's what makes it slow
        client.send(close_frame(1000))
        assert (code := client.ending()) == 1000, f"closed with {code}"
    assert len(expected) == 3, "somebody was not heard"


def vanish_anywhere(port, luck):
    """Reads nothing, and is gone after any number of bytes of what a client may send."""
    what = luck.choice(
        (
            request() + frame(TEXT, "half a message", fin=False),
            request() + frame(TEXT, "hello") * 3 + close_frame(1000),
            request(Sec_WebSocket_Version="12"),
            request() + b"\xff" * 20,
            request() + frame(TEXT, "x" * 3000) * 20,
        )
    )
    client = Wire(port, path=None, receive_buffer=luck.choice((None, 2048)))
    client.send(what[: luck.randint(0, len(what))])
    time.sleep(luck.random() * luck.choice((0, 0.01, 0.2)))  # the server is then at any point
    luck.choice((client.vanish, client.close))()


def come_to_an_end(port, luck):
    """Is closed by the server, for one reason or another, and waits for that."""
    with Wire(port, path=luck.choice(("/", "/raise", "/raise-left"))) as client:
        client.say(luck.choice(("raise", "close")))
        client.ending()


def churn(port, seed):
    luck = random.Random(seed)
    while not stop.is_set():
        act = luck.choice((vanish_anywhere, come_to_an_end))
        with contextlib.suppress(ConnectionError, EOFError):
            act(port, luck)
        counted[act.__name__] += 1


def tell(port, word):
    """Says a word to the lesson, and waits until it has heard it."""
    with Wire(port) as client:
        client.say(word)
        client.sync()


def run(port, seconds):
    """So many seconds of all of it; afterwards all of the clients are gone."""
    stop.clear()
    tell(port, "talk")
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        work = [pool.submit(listen, port, seed, slow=seed > 2) for seed in range(5)]
        work += [pool.submit(churn, port, seed) for seed in range(4)]
        concurrent.futures.wait(work, seconds, concurrent.futures.FIRST_COMPLETED)
        stop.set()
        for each in work:
            each.result(2 * PATIENCE)
    tell(port, "quiet")


def run_twice(server, port, seconds):
    """Returns by how many bytes the server's memory has grown in the second run."""
    watched = psutil.Process(server.pid)

    def is_as_before():
        return watched.num_threads() <= threads and watched.num_fds() <= files

    tell(port, "hello")
    threads, files = watched.num_threads(), watched.num_fds()
    # What a program takes once, it takes in the first run.
    for part in (seconds / 4, seconds):
        memory = watched.memory_info().rss
        run(port, part)
        wait_until(is_as_before, f"more than {threads} threads or {files} files are left")
    return watched.memory_info().rss - memory


def stress(seconds, python):
    """Runs the stress. Returns what happened, as text; AssertionError: something was wrong."""
    port = free_port()
    command = [python, "-W", "error", TESTS / "stress" / "lesson.py"]
    command += [ROOT / "ws_server_example", str(port)]
    with tempfile.TemporaryFile("w+") as output:
        with subprocess.Popen(command, stdout=output, stderr=output) as server:
            try:
                wait_until(lambda: listens(server.pid), "no server")
                grown = run_twice(server, port, seconds)
            finally:
                server.terminate()
        output.seek(0)
        text = output.read()
    others = text.count("Traceback") - text.count("Wanted: ")
    assert others == 0, f"{others} tracebacks that are none of the lesson's\n{text[-2000:]}"
    assert server.returncode == 0, f"exit code {server.returncode}"
    assert grown < SLACK, f"memory has grown by {grown / 1024 / 1024:.1f} MiB"
    done = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counted.items())
    return f"{done}; memory grown by {grown / 1024:.0f} KiB; nothing else is left over"


def main():
    parser = argparse.ArgumentParser(description="Stress for sturdy_websocket.py.")
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--python", default=sys.executable, help="the server's Python")
    options = parser.parse_args()
    try:
        print(stress(options.seconds, options.python))
    except AssertionError as error:
        sys.exit(f"Failed: {error}")


if __name__ == "__main__":
    main()
