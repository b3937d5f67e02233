"""
The benchmark: the course's servers beside what you might take instead

Prints one table: this course's server, the others, and in brackets this course's figure
divided by theirs. The figures are medians of three rounds.

Run it with:     python3 tests                     once, it makes the environment
                 python3 tests/benchmark           about five minutes
                 python3 tests/benchmark --quick   ten seconds, to see that it works
                 python3 tests/benchmark > tests/benchmark/results.md
You should see:  a line for each measurement, then the table
Needs:           Linux, gcc and node; two cores that have nothing else to do
"""

import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment


def main():
    began, quick = time.monotonic(), sys.argv[1:] == ["--quick"]
    if sys.argv[1:] and not quick:
        sys.exit(__doc__)
    if not sys.platform.startswith("linux"):
        sys.exit("The load generator is for Linux only.")
    for program in ("gcc", "node"):
        if not shutil.which(program):
            sys.exit(f"{program} is not on this computer.")
    use_environment()
    # Not at the top: what they need is only in that environment.
    import measure
    import report

    results = measure.measure(quick)
    print(report.as_text(results, measure.about(began)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: there is no table.")
