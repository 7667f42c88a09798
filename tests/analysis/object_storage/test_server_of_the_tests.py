"""Test that a command of Ceph that hangs in its own exit holds up no test, and that its failure is shown."""

import sys
from pathlib import Path

import pytest

from tests.support.servers import object_storage
from tests.support.servers.object_storage import carry_out


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time\n{code}"]


def test_command_that_hangs_after_its_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_storage, "END", 0.1)
    carry_out(python("print('{\"user\": 1}', flush=True)\ntime.sleep(1000)"), tmp_path / "answer.json", 100)


def test_command_that_ends_is_waited_for(tmp_path: Path) -> None:
    carry_out(python("print('{}', flush=True)"), tmp_path / "answer.json", 100)


def test_command_without_answer_is_named_with_its_error(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed: no such place"):
        carry_out(python("sys.exit('no such place')"), tmp_path / "answer.json", 100)


def test_command_that_says_nothing_is_ended(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"no answer within 0\.2 s"):
        carry_out(python("time.sleep(1000)"), tmp_path / "answer.json", 0.2)
