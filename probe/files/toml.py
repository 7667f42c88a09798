"""Read TOML files that others may have written: target files, scenarios and settings."""

import re
import tomllib
from pathlib import Path
from typing import Any

from probe.files.regular import read_regular
from probe.messages import tr

LARGEST = 256 * 1024  # bytes. Our largest file has 8 kB.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{100}}".encode())


def read_toml(path: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the content of a file. Raise OSError, UnicodeDecodeError or tomllib.TOMLDecodeError."""
    raw = read_regular(path, LARGEST)
    if _LONG_KEY.search(raw):  # tomllib needs time in proportion to the square of the number of parts
        raise tomllib.TOMLDecodeError(tr("A key has more than 100 parts."))
    try:
        return raw, tomllib.loads(raw.decode())
    except RecursionError:
        raise tomllib.TOMLDecodeError(tr("It is nested too deeply.")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:  # a number of more digits than Python reads, or a date that does not exist
        raise tomllib.TOMLDecodeError(str(error)) from None
