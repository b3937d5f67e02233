"""The Autobahn suite against the server that echoes: every case, strictly."""

import json
import os
import subprocess

import pytest
from course import need

# Compression is an extension, and the servers offer none.
LEFT_OUT = ["12.*", "13.*"]
STRICT = {"OK", "INFORMATIONAL"}
SOME = os.environ.get("CASES", "")


@pytest.mark.timeout(600)
def test_autobahn(start_server, tmp_path):
    """All 301 cases are OK or informational, the closing too: nothing is merely tolerated.

    With CASES="1.* 7.1.*" in the environment only these are tried.
    """
    wstest = need("wstest")
    server = start_server("http_ws_server_example")
    spec = {
        "outdir": str(tmp_path),
        "servers": [{"agent": "server", "url": server.url}],
        "options": {"failByDrop": False},
        "cases": SOME.split() or ["*"],
        "exclude-cases": LEFT_OUT,
        "exclude-agent-cases": {},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    command = [wstest, "-m", "fuzzingclient", "-s", str(tmp_path / "spec.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = json.loads((tmp_path / "index.json").read_text())["server"]
    assert SOME or len(cases) == 301
    for name, case in cases.items():
        assert {case["behavior"], case["behaviorClose"]} <= STRICT, (name, case)
    assert server.stop() == 0
    assert server.errors == ""
