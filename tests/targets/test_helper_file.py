"""Test the file of public helpers: what it has, and what is refused."""

from pathlib import Path

import pytest

from probe.cli.run.run_request import NO_HELPER, PUBLIC_HELPERS, control_urls, with_public_helpers
from probe.cli.screen import UsageError
from probe.targets.helper_file import load_public_helpers
from probe.targets.target_error import TargetError
from probe.targets.target_files import bundled_targets, target_names

TEXT = (bundled_targets() / "helpers.toml").read_text()


def test_bundled_file_has_helpers_with_the_protocol_of_ooni_and_is_no_target() -> None:
    urls = load_public_helpers(bundled_targets())
    assert len(urls) >= 2 and all(url.startswith("ooni+https://") for url in urls)
    assert control_urls(",".join(urls), None) == urls
    assert "helpers" not in target_names(bundled_targets())


@pytest.mark.parametrize(("given", "urls"), [(None, 0), ("", 0), (NO_HELPER, 0), (PUBLIC_HELPERS, 3)])
def test_words_stand_for_urls(given: str | None, urls: int) -> None:
    assert len(with_public_helpers(control_urls(given, None), bundled_targets())) == urls


def test_word_is_used_beside_urls() -> None:
    urls = with_public_helpers(control_urls("https://helper.example, ooni", None), bundled_targets())
    assert urls == ("https://helper.example", *load_public_helpers(bundled_targets()))


@pytest.mark.parametrize("change", [("source =", "sauce ="), ('"https://wcth0', '"http://wcth0'), (TEXT, "")])
def test_a_wrong_file_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    (tmp_path / "helpers.toml").write_text(TEXT.replace(*change, 1))
    with pytest.raises(TargetError, match=r"helpers\.toml"):
        load_public_helpers(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"helpers\.toml is missing"):
        with_public_helpers((PUBLIC_HELPERS,), tmp_path)
