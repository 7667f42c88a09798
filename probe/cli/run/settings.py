"""The volunteer's settings file: censorprobe/config.toml under the XDG folder; environment and flags win over it."""

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from probe.cli.screen import UsageError

# key in the file (the option's name) → (parameter of the commands, accepted types, what is expected)
KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "targets": ("targets", (str,), "a folder"),
    "results": ("results", (str,), "a folder"),
    "control": ("control", (str,), "a URL, or several with commas between"),
    "control-pin": ("control_pin", (str,), "64 hexadecimal digits"),
    "repeat": ("repeat", (int,), "a whole number"),
    "depth": ("depth", (str,), '"standard" or "deep"'),
    "max-time": ("max_time", (int, float), "seconds"),
    "cc": ("cc", (str,), "a country code"),
    "asn": ("asn", (str,), 'an AS number such as "AS64500"'),
    "plain": ("plain", (bool,), "true or false"),
    "ipv4": ("ipv4", (bool,), "true or false"),
    "ipv6": ("ipv6", (bool,), "true or false"),
    "no-followups": ("no_followups", (bool,), "true or false"),
    "exit-code": ("exit_code", (bool,), "true or false"),
}


def config_folder() -> Path:
    """Where settings and consent are kept: $XDG_CONFIG_HOME/censorprobe, else ~/.config/censorprobe."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "censorprobe"


def defaults() -> dict[str, Any]:
    """The settings file as parameters of a command; {} when there is none. Raises UsageError (2) with file and key."""
    file = config_folder() / "config.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be used: {error}", 2) from None
    return dict(_checked(key, value, file) for key, value in table.items())


def _checked(key: str, value: Any, file: Path) -> tuple[str, Any]:
    if key not in KEYS:
        near = get_close_matches(key, KEYS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KEYS)}"
        raise UsageError(f"{file}: {key}: unknown key; {hint}", 2)
    parameter, kinds, expected = KEYS[key]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise UsageError(f"{file}: {key}: {value!r} is not usable; expected {expected}", 2)
    return parameter, value
