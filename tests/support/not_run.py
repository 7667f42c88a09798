"""Collect the sentences about tests that cannot run on this machine, in the workers of pytest-xdist too."""

from typing import Any

import pytest

NOT_RUN = pytest.StashKey[list[str]]()


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
