"""Test that a yes and a no are understood in English and in the user's language."""

from pathlib import Path

import pytest

from probe.cli.typed_answers import answer_in
from probe.messages import use
from tests.support.catalogues import add_catalogue, use_catalogues


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" Yes\n", "yes"),
        ("y", "yes"),
        ("NO", "no"),
        ("m", "more"),
        ("ｙｅｓ", "yes"),
        ("", None),
        ("|", None),
        ("yes|y", None),
        ("да", None),
    ],
)
def test_english_words(text: str, answer: str | None) -> None:
    assert answer_in(text) == answer


def test_words_of_the_language_are_beside_the_english_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_catalogue(tmp_path, "ru", {"yes|y": "да|д", "no|n": "нет|н", "more|m": "ещё|м"})
    use_catalogues(tmp_path, monkeypatch)
    use("ru")
    assert [answer_in(text) for text in ("Да", "д", "нет", "Н", "ещё", "yes", "n", "m")] == [
        "yes", "yes", "no", "no", "more", "yes", "no", "more",
    ]  # fmt: skip
