"""Name the command that adds a library to this program, for the way in which it was installed.

Name the command that starts this program again. No command names our own package to an index, because a stranger could
own the name there. The libraries are named.
"""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Literal

from probe.platforms.systems import is_android, is_windows

Way = Literal["pipx", "uv", "one_file", "pip"]
PACKAGE = "censorprobe"
_REQUIREMENT = re.compile(r"^([^;]*);.*extra == ['\"](?P<extra>[\w-]+)['\"]")
_MARKS = {"pipx": "pipx_metadata.json", "uv": "uv-receipt.toml"}
"""Files that an installer leaves in the environment that it made."""


_LIBRARIES = {"OpenSSL": "pyopenssl", "backports": "backports.zstd", "dns": "dnspython"}
"""Names of libraries whose modules have another name."""
_TERMUX = {"cryptography": "python-cryptography"}
"""Libraries that have no package for Android in the Python Package Index, with their package in Termux."""


def installed_by() -> Way:
    """Return the way of this installation. In a checkout pip is used too."""
    if _is_frozen() or ".shiv" in Path(__file__).parts or Path(sys.argv[0]).suffix == ".pyz":
        return "one_file"
    environment = Path(sys.prefix)
    if (environment / _MARKS["pipx"]).is_file():
        return "pipx"
    return "uv" if (environment / _MARKS["uv"]).is_file() else "pip"


def command_for(*extras: str) -> str:
    """Return the command that installs the libraries of extras into this environment."""
    if installed_by() == "one_file":
        return f"pipx install '.[{','.join(extras)}]'"  # in a checkout, since one file cannot be extended
    return _installing(_libraries(extras))


def command_for_library(module: str) -> str:
    """Return the command that installs the library of a module without which the program does not work."""
    library = _LIBRARIES.get(module, module)
    if is_android() and library in _TERMUX:
        return f"pkg install {_TERMUX[library]}"
    return "pipx install ." if installed_by() == "one_file" else _installing([library])


def own_command() -> list[str]:
    """Return the words that start this program, without options."""
    return [sys.executable] if _is_frozen() else [sys.executable, "-P", "-m", "probe"]


def _is_frozen() -> bool:
    """Return whether PyInstaller made this program, which then is a file of its own and no module for Python."""
    return bool(getattr(sys, "frozen", False))


def _installing(names: list[str]) -> str:
    python, libraries = _quoted(sys.executable), " ".join(map(_quoted, names))
    return {
        "pipx": f"pipx inject {PACKAGE} {libraries}",
        "uv": f"uv pip install --python {python} {libraries}",
        "pip": f"{python} -m pip install {libraries}",
    }[installed_by()]


def _libraries(extras: tuple[str, ...]) -> list[str]:
    """Return what the extras require, as the metadata of the installed package says it."""
    try:
        found = [match for each in requires(PACKAGE) or () if (match := _REQUIREMENT.match(each))]
    except PackageNotFoundError:
        found = []
    return sorted(match[1].strip() for match in found if match["extra"] in extras) or sorted(extras)


def _quoted(word: str) -> str:
    if is_windows():
        return f'"{word}"' if re.search(r"[\s<>=]", word) else word
    return shlex.quote(word)
