"""docs/brian2-examples.md is what the stored results of `make brian2-examples` give."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

PAGE = Path(__file__).parents[1] / "brian2_examples" / "page.py"


def test_the_page_of_brian2s_examples_is_that_of_the_stored_results() -> None:
    spec = importlib.util.spec_from_file_location("brian2_examples_page", PAGE)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    results = json.loads(page.RESULTS.read_text(encoding="utf-8"))
    assert page.PAGE.read_text(encoding="utf-8") == page.text_of(results)
    assert len({row["script"] for row in results["rows"]}) == len(results["rows"])
