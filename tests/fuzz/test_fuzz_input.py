"""A few hundred mutants in the gate; `make fuzz-input` tries 20,000."""

from __future__ import annotations

import sys

import pytest
from trying import prepare, try_case

CASES = 300
SHARES = 6  # so that processes of a parallel run divide them


@pytest.fixture(scope="module")
def library():
    return prepare(1)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes are read as Linux has them")
@pytest.mark.parametrize("share", range(SHARES))
def test_mutants_end_with_documented_codes_and_errors_with_places(share, library):
    found = []
    for number in range(share, CASES, SHARES):
        _, _, findings = try_case(1, number, None, None, 0.02, library)
        found += [str(finding) for finding in findings]
    assert not found, "\n".join(found)
