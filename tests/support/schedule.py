"""Distribute tests among the workers of pytest-xdist: a file stays in one worker, in the order of collection."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.order import scope_of


class FilesTogether(LoadScopeScheduling):
    """Give each worker the next scope as soon as it has little left to do."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # the order of collection has the longest first
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
