"""Memory: what clients cost that only listen, and what those announce who send nothing."""

import sys
import sysconfig
import time

import psutil
from course import ROOT, free_port, posix_only
from wire import Wire, is_idle, talk

HTTP = "http_ws_server_example"
# Bytes of an idle client: its thread, its sockets. Before Python 3.11 each call of a function
# took more of a thread's memory; without the global lock each thread has memory of its own.
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    IDLE = 500_000
else:
    IDLE = 40_000 if sys.version_info >= (3, 11) else 48_000


@posix_only
def test_idle_clients_cost_little(run):
    """300 clients that only listen: 40 KB each at most (Python 3.11), and no time at all."""
    # Python's development mode takes memory of its own, so this once it is off.
    server = run(
        [sys.executable, "server.py"], cwd=ROOT / HTTP, env={"PORT": (port := free_port())}
    )
    server.expect("Ctrl-C")
    process = psutil.Process(server.process.pid)
    with Wire(port) as first:
        first.sync()
        before = process.memory_info().rss
        clients = [Wire(port) for _ in range(300)]
        for client in clients:
            client.sync()
        each = (process.memory_info().rss - before) / 300
        used = sum(process.cpu_times()[:2])
        time.sleep(1)
        assert sum(process.cpu_times()[:2]) - used < 0.1
        assert each < IDLE
        for client in clients:
            client.close()


def test_declared_length_costs_nothing(start_server, join):
    """Fifty clients announce a message of 16 MB each and send no byte of it."""
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    clients = [join(server) for _ in range(50)]
    for client in clients:
        client.send(b"\x82\xff" + (16 * 1024 * 1024).to_bytes(8, "big") + b"mask" + b"x" * 10)
    with Wire(server.port) as other:
        talk(other)
    assert process.memory_info().rss - before < 30e6
    for client in clients:
        client.close()
    is_idle(server)
