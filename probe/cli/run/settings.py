"""Read the settings file censorprobe/config.toml in the XDG folder. Environment and flags win over it."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from probe.cli.screen import UsageError
from probe.files import read_toml
from probe.messages import available, language_of, listed, mark, tr

LARGEST = 10**9  # of a number
# key in the file (the option's name): (parameter of the commands, accepted types, expected value)
KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "targets": ("targets", (str,), mark("a folder")),
    "results": ("results", (str,), mark("a folder")),
    "control": ("control", (str,), mark("a URL, or several separated by commas")),
    "control-pin": ("control_pin", (str,), mark("64 hexadecimal digits")),
    "repeat": ("repeat", (int,), mark("a whole number")),
    "depth": ("depth", (str,), mark('"standard" or "deep"')),
    "max-time": ("max_time", (int, float), mark("seconds")),
    "cc": ("cc", (str,), mark("a country code")),
    "asn": ("asn", (str,), mark('an AS number such as "AS64500"')),
    "plain": ("plain", (bool,), mark("true or false")),
    "verbose": ("verbose", (bool,), mark("true or false")),
    "ipv4": ("ipv4", (bool,), mark("true or false")),
    "ipv6": ("ipv6", (bool,), mark("true or false")),
    "no-followups": ("no_followups", (bool,), mark("true or false")),
    "exit-code": ("exit_code", (bool,), mark("true or false")),
    "pack": ("pack", (bool,), mark("true or false")),
    "keep": ("keep", (str,), mark('an age such as "30d"')),
    "max-disk": ("max_disk", (str,), mark('a size such as "500M"')),
    "lang": ("lang", (str,), mark('a language such as "fa"')),
}
# of `probe submit` and `probe queue send`
SUBMIT_KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "server": ("server", (str,), mark("an address such as https://HOST/")),
    "proxy": ("proxy", (str,), mark("an address such as socks5://HOST:PORT")),
}
ALL_KEYS = KEYS | SUBMIT_KEYS


def config_folder() -> Path:
    """Return the folder of settings and consent: $XDG_CONFIG_HOME/censorprobe, else ~/.config/censorprobe."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "censorprobe"


def settings_file() -> Path:
    """Return the path of the settings file, which may not exist."""
    return config_folder() / "config.toml"


def defaults() -> dict[str, Any]:
    """Return the settings as parameters of a command, {} without a file. Raises UsageError (2) with file and key."""
    return settings_in(settings_file())


def settings_in(file: Path) -> dict[str, Any]:
    """Return the settings in a file as parameters of a command, {} without a file. Raises UsageError (2)."""
    try:
        _, table = read_toml(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(tr("The settings file {path} cannot be used: {reason}", path=file, reason=reason), 2) from None
    return dict(_checked(key, value, file) for key, value in table.items())


def _checked(key: str, value: Any, file: Path) -> tuple[str, Any]:
    if key not in ALL_KEYS:
        if near := get_close_matches(key, ALL_KEYS, 1):
            sentence = tr(
                "{path}: {key} is an unknown key. Did you mean {near}?", path=file, key=key, near=repr(near[0])
            )
        else:
            known = listed(ALL_KEYS)
            sentence = tr("{path}: {key} is an unknown key. Use one of {known}.", path=file, key=key, known=known)
        raise UsageError(sentence, 2)
    parameter, kinds, expected = ALL_KEYS[key]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds) or _is_unusable(key, value):
        sentence = tr(
            "{path}: {key} = {value} cannot be used. Expected {expected}.",
            path=file,
            key=key,
            value=repr(value),
            expected=tr(expected),
        )
        raise UsageError(sentence, 2)
    return parameter, value


def _is_unusable(key: str, value: Any) -> bool:
    """Return True for a number that is none or too large, and for a text that no command line can contain.

    A language must have a catalogue.
    """
    if key == "lang":
        return language_of(value, available()) is None
    if isinstance(value, str):
        return "\0" in value
    return not abs(value) < LARGEST
