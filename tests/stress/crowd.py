"""The clients of the stress, and what they expect."""

import collections
import concurrent.futures
import contextlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import psutil
from course import PATIENCE, ROOT, TESTS, free_port
from wire import TEXT, Wire, close_frame, frame, request

SLACK = 5 * 1024 * 1024  # bytes that a server may have grown by
PAGE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Stress:
    """A server under stress. counted: how often each thing was done."""

    def __init__(self, python, errors):
        self.port, self.counted = free_port(), collections.Counter()
        self.stop = threading.Event()
        command = [python, "-W", "error", TESTS / "stress" / "lesson.py"]
        command += [ROOT / "ws_server_example", self.port]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=errors
        )
        self.process.stdout.readline()
        self.watched = psutil.Process(self.process.pid)

    # -- those who stay

    def listen(self, seed, slow):
        """Hears everything: each message whole, once, and in the order of who said it."""
        luck, expected, said = random.Random(seed), {}, False
        with Wire(self.port, receive_buffer=8192 if slow else None) as client:
            while (text := client.hear()) != f"last {seed}":
                who, number, rest = text.split(" ")
                due = expected.setdefault(who, int(number))
                assert int(number) == due, f"{who} said {number}, due was {due}; slow: {slow}"
                assert rest == "x" * len(rest) and len(rest) in (1, 100, 3000), "a garbled message"
                expected[who] += 1
                self.counted["heard"] += 1
                if self.stop.is_set() and not said:
                    client.say(f"last {seed}")
                    said = True
                if slow and luck.random() < 0.05:
                    time.sleep(luck.random() * 0.2)
            client.send(close_frame(1000))
            assert client.ending() == 1000
        assert len(expected) == 3, "somebody was not heard"

    # -- those who come and go

    def vanish_anywhere(self, luck):
        """Resets the connection after any number of bytes of what a client may send."""
        what = luck.choice(
            (
                request() + frame(TEXT, "half a message", fin=False),
                request() + frame(TEXT, "hello") * 3 + close_frame(1000),
                PAGE * luck.randint(1, 200),
                request(Sec_WebSocket_Version="12"),
                request() + b"\xff" * 20,
            )
        )
        client = Wire(self.port, path=None, receive_buffer=luck.choice((None, 2048)))
        client.send(what[: luck.randint(0, len(what))])
        if luck.random() < 0.5:
            time.sleep(luck.random() * 0.01)
        luck.choice((client.vanish, client.close))()

    def come_to_an_end(self, luck):
        """Is closed by the server, for one reason or another, and waits for that."""
        path = luck.choice(("/", "/raise", "/raise-left"))
        with Wire(self.port, path=path) as client:
            client.say(luck.choice(("raise", "close")))
            client.ending()

    def be_unread(self, luck):
        """Lets a lot wait for itself, reads none of it, and is gone."""
        client = Wire(self.port, receive_buffer=2048)
        client.send(frame(TEXT, "x" * 3000) * 20)
        time.sleep(luck.random() * 0.2)
        client.vanish()

    def churn(self, seed):
        luck = random.Random(seed)
        while not self.stop.is_set():
            act = luck.choice((self.vanish_anywhere, self.come_to_an_end, self.be_unread))
            with contextlib.suppress(ConnectionError, EOFError):
                act(luck)
            self.counted[act.__name__] += 1

    # -- the whole

    def run(self, seconds):
        """So many seconds of all of it; afterwards all of the clients are gone."""
        self.stop.clear()
        with concurrent.futures.ThreadPoolExecutor(12) as pool, Wire(self.port) as leader:
            leader.say("talk")
            work = [pool.submit(self.listen, seed, slow=seed > 2) for seed in range(5)]
            work += [pool.submit(self.churn, seed) for seed in range(4)]
            with contextlib.suppress(ConnectionError, EOFError):
                end = time.monotonic() + seconds
                while time.monotonic() < end and not any(each.done() for each in work):
                    leader.hear()
            self.stop.set()
            reader = threading.Thread(target=self.read_on, args=(leader,), daemon=True)
            reader.start()
            for each in work:
                each.result(2 * PATIENCE)
            leader.send(frame(TEXT, "quiet") + close_frame(1000))
            reader.join(PATIENCE)

    @staticmethod
    def read_on(client):
        with contextlib.suppress(OSError, EOFError):
            while True:
                client.hear()

    def held(self):
        return self.watched.num_threads(), self.watched.num_fds()

    def wait_for(self, before):
        """Waits until there are no more threads and files than before."""
        end = time.monotonic() + PATIENCE
        while any(now > then for now, then in zip(self.held(), before)):
            assert time.monotonic() < end, f"threads, files: {before} before, {self.held()} after"
            time.sleep(0.1)


def stress(seconds, python=sys.executable):
    """Runs the stress. Returns what happened, as text; AssertionError: something was wrong."""
    with tempfile.TemporaryFile() as errors:
        one = Stress(python, errors)
        try:
            with Wire(one.port) as client:
                client.sync()
            before = one.held()
            # What a program takes once, it takes in the first part.
            for part in (seconds / 4, seconds):
                memory = one.watched.memory_info().rss
                one.run(part)
                one.wait_for(before)
            grown = one.watched.memory_info().rss - memory
        finally:
            one.process.terminate()
            code = one.process.wait(PATIENCE)
            one.process.stdout.close()
        errors.seek(0)
        text = errors.read().decode()
    others = text.count("Traceback") - text.count("\nWanted: ") - text.count("__main__.Wanted: ")
    assert others == 0, f"{others} tracebacks that are none of the lesson's\n{text[-2000:]}"
    assert code == 0, f"exit code {code}"
    assert grown < SLACK, f"memory has grown by {grown / 1024 / 1024:.1f} MiB"
    done = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in one.counted.items())
    return f"{done}; memory grown by {grown / 1024:.0f} KiB; nothing else is left over"
