"""Collect the sentences about tests that cannot run on this machine, in the workers of pytest-xdist too."""

from typing import Any

import pytest

from tests.real.packages import COMMAND

NOT_RUN = pytest.StashKey[list[str]]()


def leave_out_roots_tests(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests that need root, and name their files at the end."""
    left_out = [item for item in items if item.get_closest_marker("root")]
    if not left_out:
        return
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    files = ", ".join(sorted({item.nodeid.partition("::")[0] for item in left_out}))
    sentence = f"DID NOT RUN: {len(left_out)} tests in {files} (they need root). To run them: {COMMAND}."
    config.stash.setdefault(NOT_RUN, []).append(sentence)


class NotRun:
    """Print the sentences after pytest's closing line. A worker sends its own to the process that prints."""

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

    def pytest_unconfigure(self) -> None:
        if not hasattr(self._config, "workerinput"):
            for sentence in dict.fromkeys(self._sentences):
                print(sentence, flush=True)
