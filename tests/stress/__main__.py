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
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment


def main():
    parser = argparse.ArgumentParser(description="Stress for sturdy_websocket.py.")
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--python", default=sys.executable, help="the server's Python")
    options = parser.parse_args()
    if os.name == "nt":
        sys.exit("The stress counts open files, which Windows has not.")
    use_environment()
    # Not at the top: what it needs is only in that environment.
    import crowd

    try:
        print(crowd.stress(options.seconds, options.python))
    except AssertionError as error:
        sys.exit(f"Failed: {error}")


if __name__ == "__main__":
    main()
