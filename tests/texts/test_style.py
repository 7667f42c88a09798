"""Test that all texts of the repository follow the writing style, as far as a program can check it."""

from tests.texts.style import CHECKED, ROOT, violations


def test_texts_follow_the_style() -> None:
    found = violations(ROOT / name for name in CHECKED)
    assert not found, f"{len(found)} violations:\n" + "\n".join(map(str, found))
