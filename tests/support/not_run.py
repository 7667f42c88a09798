"""Collect the sentences about tests that do not run, in the workers of pytest-xdist too."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.real.packages import COMMAND

NOT_RUN = pytest.StashKey[list[str]]()


def leave_out(config: pytest.Config, items: list[pytest.Item], left_out: Iterable[pytest.Item]) -> None:
    """Remove tests. They are no skipped ones: with CI set a test that is skipped is a mistake."""
    removed = set(left_out)
    config.hook.pytest_deselected(items=list(removed))
    items[:] = [item for item in items if item not in removed]


def leave_out_roots_tests(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests that need root, and name their files at the end."""
    left_out = [item for item in items if item.get_closest_marker("root")]
    if not left_out:
        return
    leave_out(config, items, left_out)
    files = ", ".join(sorted({item.nodeid.partition("::")[0] for item in left_out}))
    sentence = f"DID NOT RUN: {len(left_out)} tests in {files} (they need root). To run them: {COMMAND}."
    config.stash[NOT_RUN].append(sentence)


class NotRun:
    """Print the sentences before pytest's closing line. A worker sends its own to the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._sentences = config, config.stash.setdefault(NOT_RUN, [])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Any:
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["not_run"] = self._sentences
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._sentences += getattr(node, "workeroutput", {}).get("not_run", [])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for sentence in dict.fromkeys(self._sentences):
            terminalreporter.line(sentence)
