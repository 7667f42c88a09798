"""Read the settings file censorprobe/config.toml in the XDG folder. Environment and flags win over it.

Set single keys of it.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from json import dumps
from pathlib import Path
from typing import Any

from probe.cli.screen import UsageError, write_error
from probe.files import read_toml
from probe.messages import available, language_of, listed, mark, tr
from probe.platforms.descriptors import PRIVATE
from probe.results import make_private_folder, reason_of

LARGEST = 10**9  # of a number
# key in the file (the option's name): (parameter of the commands, accepted types, expected value)
KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "targets": ("targets", (str,), mark("a folder")),
    "results": ("results", (str,), mark("a folder")),
    "control": ("control", (str,), mark("a URL, or several separated by commas, ooni or none")),
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
    "contributor-token": ("contributor_token", (bool,), mark("true or false")),
    "keep": ("keep", (str,), mark('an age such as "30d"')),
    "max-disk": ("max_disk", (str,), mark('a size such as "500M"')),
    "lang": ("lang", (str,), mark('a language such as "fa"')),
}
# of `probe submit` and `probe queue send`
SUBMIT_KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "server": ("server", (str,), mark("an address such as https://HOST/")),
    "proxy": ("proxy", (str,), mark("an address such as socks5://HOST:PORT")),
}
# of `probe share`
SHARE_KEYS: dict[str, tuple[str, tuple[type, ...], str]] = {
    "recipient": ("recipient", (str,), mark("a public key of age, such as age1…")),
    "hand-over": ("hand_over", (str,), mark("where the recipient takes files, such as an e-mail address")),
}
ALL_KEYS = KEYS | SUBMIT_KEYS | SHARE_KEYS


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


def template() -> str:
    """Return a settings file without settings, in which each key has a comment."""
    head = tr("Settings of probe. Flags and PROBE_ variables win over them. Remove the # before a key to set it.")
    return f"# {head}\n" + "".join(f"# {key} =   # {tr(expected)}\n" for key, (_, _, expected) in ALL_KEYS.items())


def save(values: Mapping[str, str | bool]) -> None:
    """Set single keys of the settings file. Other lines and comments stay.

    An empty text and False remove a key. Raises UsageError, and the old file stays.
    """
    file = settings_file().resolve()  # a link stays one
    draft = file.with_name(f"config.toml.{os.getpid()}")
    try:
        make_private_folder(file.parent)
        _write(draft, _changed(file.read_text(encoding="utf-8") if file.is_file() else template(), values))
        settings_in(draft)
        draft.replace(file)
    except OSError as error:
        refusal = tr("{path} cannot be written ({reason}).", path=file, reason=reason_of(error))
        raise write_error(error, file, refusal, 2) from None
    except UsageError as error:
        raise UsageError(error.sentence.replace(str(draft), file.name), error.exit_code) from None
    finally:
        draft.unlink(missing_ok=True)


def _changed(text: str, values: Mapping[str, str | bool]) -> str:
    """Return the text of the file with the new values at its end. JSON's texts, true and false are TOML too."""
    key = re.compile(rf"\s*({'|'.join(map(re.escape, values))})\s*=")
    kept = [line for line in text.splitlines() if key.match(line) is None]
    new = [f"{name} = {dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join([*kept, *new]) + "\n"


def _write(draft: Path, text: str) -> None:
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PRIVATE, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
