"""
Autobahn, the judge of WebSocket servers

Runs its fuzzing client against http_ws_server_example, which is an echo as long as
one client is connected, and prints a table.

Run it with:     python3 tests                        once, it makes the environment
                 python3 tests/conformance
                 python3 tests/conformance "1.*" "7.1.*"   some of its cases
You should see:  a line for each section of the suite, and at the end 301 of 301
Needs:           wstest of autobahntestsuite (Python 2.7) on the PATH
"""

import collections
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

SECTIONS = {1: "framing", 2: "pings and pongs", 3: "reserved bits", 4: "opcodes",
            5: "fragments", 6: "UTF-8", 7: "closing", 9: "limits and speed",
            10: "fragments of big messages"}  # fmt: skip
# Compression is an extension, and the servers offer none.
LEFT_OUT = ["12.*", "13.*"]
STRICT = ("OK", "INFORMATIONAL")
MINUTES = 10


def run_cases(url, patterns, folder, wstest):
    """Runs the cases; returns {case: (behaviour, behaviour at closing, milliseconds)}.

    Raises RuntimeError with what wstest said if it did not come to its end.
    """
    spec = {"outdir": str(folder / "report"), "servers": [{"agent": "server", "url": url}],
            "options": {"failByDrop": False}, "cases": patterns, "exclude-cases": LEFT_OUT,
            "exclude-agent-cases": {}}  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    command = [wstest, "-m", "fuzzingclient", "-s", str(folder / "spec.json")]
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60 * MINUTES, check=False)  # fmt: skip
    report = folder / "report" / "index.json"
    if done.returncode or not report.exists():
        raise RuntimeError(f"wstest did not come to its end:\n{done.stdout[-2000:]}")
    cases = json.loads(report.read_text())["server"]
    return {
        name: (case["behavior"], case["behaviorClose"], case["duration"])
        for name, case in sorted(cases.items(), key=lambda item: numbers(item[0]))
    }


def numbers(name):
    return [int(part) for part in name.split(".")]


def is_strict(case):
    return case[0] in STRICT and case[1] in STRICT


def table(cases):
    """Returns the result as text: each section, each case that is not strict, and the sum."""
    sums = collections.defaultdict(collections.Counter)
    for name, case in cases.items():
        sums[numbers(name)[0]].update(strict=is_strict(case), all=1, ms=case[2])
    lines = [f"{'section':29} strict  of  seconds"]
    lines += [
        f"{number:2} {SECTIONS[number]:26} {row['strict']:6} {row['all']:3} {row['ms'] / 1000:8.1f}"
        for number, row in sums.items()
    ]
    lines += [
        f"not strict: {name}: {case[0]}, closing {case[1]}"
        for name, case in cases.items()
        if not is_strict(case)
    ]
    return "\n".join([*lines, f"{sum(map(is_strict, cases.values()))} of {len(cases)} strict"])


def judge(patterns=("*",), wstest="wstest"):
    """Starts the server, runs the cases, returns them as run_cases() does."""
    # Not at the top: what it needs is only in that environment.
    from course import ROOT, Program, free_port, server_command

    port = free_port()
    server = Program(server_command(), cwd=ROOT / "http_ws_server_example", env={"PORT": port})
    try:
        server.expect("Ctrl-C")
        with tempfile.TemporaryDirectory() as folder:
            return run_cases(f"ws://127.0.0.1:{port}", list(patterns), Path(folder), wstest)
    finally:
        server.stop()
        complaints = server.errors
        server.kill()
        if complaints:
            print(complaints, file=sys.stderr)


def main():
    use_environment()
    if not shutil.which("wstest"):
        sys.exit("wstest is not on the PATH. It is a part of autobahntestsuite, which needs "
                 "Python 2.7:\n  https://github.com/crossbario/autobahn-testsuite")  # fmt: skip
    cases = judge(sys.argv[1:] or ["*"])
    print(table(cases))
    sys.exit(not all(map(is_strict, cases.values())))


if __name__ == "__main__":
    main()
