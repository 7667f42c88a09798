"""Test that docs/reference/followups.md shows the tables that the program executes."""

import importlib.util

from tests.support.site import ROOT


def test_followups_page_is_that_of_the_tables() -> None:
    """Run `make reference` after a change."""
    spec = importlib.util.spec_from_file_location("followups_page", ROOT / "docs" / "mkdocs" / "followups.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()
