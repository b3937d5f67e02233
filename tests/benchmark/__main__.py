"""
The benchmark: the course's servers beside what you might take instead

Prints one table: this course's server, the others, and in brackets this course's figure
divided by theirs. In each round the servers take turns; the figures are medians.

Run it with:     python3 tests                     once, it makes the environment
                 python3 tests/benchmark           about eight minutes
                 python3 tests/benchmark --save    also writes results.md
                 python3 tests/benchmark --quick   ten seconds, to see that it works
You should see:  a line for each measurement, then the table
Needs:           Linux, gcc, node and wrk; two cores that have nothing else to do
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description="The course's servers beside others: one table.")
    parser.add_argument("--rounds", type=int, default=3, help="the table has their medians (3)")
    parser.add_argument("--save", nargs="?", type=Path, const=HERE, metavar="FOLDER",
                        help="write results.md, next to this program")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one short round of a few rows")
    options = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("The load generator is for Linux only.")
    for program in ("gcc", "node", "wrk"):
        if not shutil.which(program):
            sys.exit(f"{program} is not on this computer.")
    use_environment()
    # Not at the top: what they need is only in that environment.
    import measure
    import report

    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
    results, notes = measure.measure(options.rounds, options.quick)
    text = report.as_text(results, notes)
    print(text)
    if options.save:
        (options.save / "results.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: there is no table.")
