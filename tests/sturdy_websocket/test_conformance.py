"""The Autobahn suite against the server that echoes: every case, strictly."""

import importlib.util

import pytest
from course import TESTS, need

CASES = 301


@pytest.mark.timeout(600)
def test_autobahn():
    """All 301 cases are OK or informational, the closing too: nothing is merely tolerated."""
    wstest = need("wstest")
    spec = importlib.util.spec_from_file_location(
        "conformance", TESTS / "conformance" / "__main__.py"
    )
    conformance = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conformance)
    cases = conformance.judge(wstest=wstest)
    print(conformance.table(cases))
    assert len(cases) == CASES
    assert all(map(conformance.is_strict, cases.values())), conformance.table(cases)
