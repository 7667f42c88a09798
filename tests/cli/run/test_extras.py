"""Test that a missing extra is named before the run, with the command that installs it."""

import sys
from collections.abc import Callable

import pytest

from probe.cli.run.extras import missing_extras
from probe.targets.target_files import bundled_targets, load_target

FACEBOOK, TELEGRAM = (load_target(bundled_targets() / f"{name}.toml") for name in ("facebook", "telegram"))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes the import of a module fail."""
    return lambda module: monkeypatch.setitem(sys.modules, module, None)


def test_installed_extras_are_not_mentioned() -> None:
    assert list(missing_extras([FACEBOOK], "deep")) == []


def test_missing_quic_is_named_where_a_target_needs_it(without: Callable[[str], None]) -> None:
    without("probe.steps.quic.quic_engine")
    (sentence,) = missing_extras([TELEGRAM, FACEBOOK], "standard")
    assert sentence.startswith("QUIC is not tested") and "aioquic" in sentence
    assert list(missing_extras([TELEGRAM], "standard")) == []


def test_missing_browser_hellos_are_named_in_a_deep_run(without: Callable[[str], None]) -> None:
    without("utls")
    (sentence,) = missing_extras([TELEGRAM], "deep")
    assert "utls" in sentence
    assert list(missing_extras([TELEGRAM], "standard")) == []
