"""Test that every file, heading, name and principle that a text mentions exists."""

from tests.texts.references import CHECKED, ROOT, violations


def test_references_have_an_object() -> None:
    found = violations(ROOT / name for name in CHECKED)
    assert not found, f"{len(found)} violations:\n" + "\n".join(map(str, found))
