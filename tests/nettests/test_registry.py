"""Test that every nettest is found by the name of its file, and only when it is looked up."""

import subprocess
import sys
from pathlib import Path

import pytest

from probe import nettests
from probe.nettests import NAMES, NETTESTS

FILES = {path.stem for path in Path(nettests.__file__).parent.glob("*.py")} - {"__init__", "nettest"}


def test_every_file_is_a_nettest_with_its_name() -> None:
    assert set(NETTESTS) == set(NAMES) == FILES and len(NETTESTS) == len(NAMES)
    assert {name: nettest.name for name, nettest in NETTESTS.items()} == {name: name for name in NAMES}


@pytest.mark.parametrize("name", ["nettest", "__init__", "os", ""])
def test_other_names_are_unknown(name: str) -> None:
    assert name not in NETTESTS
    with pytest.raises(KeyError):
        NETTESTS[name]


def test_nettests_are_imported_when_they_are_looked_up() -> None:
    code = (
        "import sys; from probe.nettests import NETTESTS, load_nettests\n"
        "print(*(name for name in NETTESTS if f'probe.nettests.{name}' in sys.modules))\n"
        "load_nettests(['telegram'])\n"
        "print(*(name for name in NETTESTS if f'probe.nettests.{name}' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "telegram"]
