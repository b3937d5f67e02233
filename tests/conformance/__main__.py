"""
Autobahn, the judge of WebSocket servers

Runs its fuzzing client against http_ws_server_example, which is an echo as long as
one client is connected. Strict: what is merely tolerated counts as a failure.

Run it with:     python3 tests                        once, it makes the environment
                 python3 tests/conformance
                 python3 tests/conformance "1.*" "7.1.*"   some of its cases
You should see:  each case that isn't as it should be, and at the end 301 of 301
Needs:           wstest of autobahntestsuite (Python 2.7) on the PATH
"""

# ruff: noqa: E402 (what is imported last is only in the environment of the tests)
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

use_environment()
from course import serve

STRICT = {"OK", "INFORMATIONAL"}


def run_cases(url, patterns, folder):
    """Runs the cases; returns {case: how the server behaved, {"behavior": …, …}}."""
    # Compression, 12 and 13, is an extension, and the servers offer none.
    spec = {"outdir": "report", "servers": [{"agent": "server", "url": url}],
            "options": {"failByDrop": False}, "cases": patterns,
            "exclude-cases": ["12.*", "13.*"], "exclude-agent-cases": {}}  # fmt: skip
    Path(folder, "spec.json").write_text(json.dumps(spec))
    command = ["wstest", "-m", "fuzzingclient", "-s", "spec.json"]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr, timeout=600)
    return json.loads(Path(folder, "report", "index.json").read_text())["server"]


def main():
    if not shutil.which("wstest"):
        sys.exit("wstest is not on the PATH: see The conformance suite in tests/README.md.")
    server = serve("http_ws_server_example")
    try:
        with tempfile.TemporaryDirectory() as folder:
            cases = run_cases(server.url, sys.argv[1:] or ["*"], folder)
    finally:
        server.kill()
    bad = {name for name, case in cases.items()
           if not {case["behavior"], case["behaviorClose"]} <= STRICT}  # fmt: skip
    for name in sorted(bad):
        print(f"{name}: {cases[name]['behavior']}, closing {cases[name]['behaviorClose']}")
    print(f"{len(cases) - len(bad)} of {len(cases)} strict")
    sys.exit(f"complaints: {server.errors}" if server.errors else bool(bad))


if __name__ == "__main__":
    main()
