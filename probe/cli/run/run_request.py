"""Hold what the user asks of a run, and check the parts that the command line cannot check."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from probe.cli.run.disk_limits import UNLIMITED, Limits
from probe.cli.screen import UsageError
from probe.messages import tr
from probe.targets.helper_file import load_public_helpers
from probe.targets.target_error import TargetError


@dataclass(frozen=True)
class RunRequest:
    """Hold what the command line, the environment and the settings file ask for together."""

    names: tuple[str, ...]
    targets: Path
    results: Path | None
    output: str | None
    control: tuple[str, ...]
    control_pin: str | None
    consent: str | None
    repeat: int
    depth: Literal["standard", "deep"]
    max_time: float | None
    cc: str | None
    asn: str | None
    plain: bool
    json: bool
    families: frozenset[int]
    followups: bool
    exit_code: bool
    pcap: bool = False
    measure_anyway: bool = False
    limits: Limits = UNLIMITED
    pack: bool | None = None  # the results file, when it is closed. None stands for all runs but those in the lab.
    quiet: bool = False
    verbose: bool = False
    events: Path | None = None  # the file for the progress as JSON lines
    input: tuple[str, ...] = ()  # web addresses, files of them, or - for standard input
    ooni_run_digest: str | None = None  # of the descriptor that the user agrees to
    ooni_run_server: str | None = None  # another than OONI's
    contributor_token: bool = False  # in measurements whose network is not hidden


PUBLIC_HELPERS, NO_HELPER = "ooni", "none"  # in place of URLs


def control_urls(text: str | None, pin: str | None) -> tuple[str, ...]:
    """Split URL,URL,… and check each helper's URL and the pin. Raises UsageError (2).

    The word for OONI's public helpers stays as it is, because their addresses stand in the folder of targets.
    """
    urls = tuple(dict.fromkeys(word.strip() for word in text.split(","))) if text and text.strip() != NO_HELPER else ()
    schemes = ["https" if url == PUBLIC_HELPERS else _scheme_of_helper(url) for url in urls]
    if pin is not None and schemes and schemes != ["https"]:
        raise UsageError(
            tr("--control-pin needs one helper with https. Plain http has no certificate to compare."),
            2,
        )
    digits = (pin or "0" * 64).replace(":", "").lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise UsageError(tr("--control-pin is no SHA-256. Use 64 hexadecimal digits."), 2)
    return urls


def with_public_helpers(control: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the URLs of helpers, with those of OONI's public ones in place of their word. Raises UsageError (2)."""
    if PUBLIC_HELPERS not in control:
        return control
    try:
        public = load_public_helpers(folder)
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    return tuple(url for each in control for url in (public if each == PUBLIC_HELPERS else (each,)))


def _scheme_of_helper(url: str) -> str:
    """Return http or https. Raises UsageError (2)."""
    with suppress(ValueError):  # no URL, or a port that is none
        parts = urlsplit(url.removeprefix("ooni+"))
        if parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0):
            return parts.scheme
    raise UsageError(
        tr(
            "--control {url} is no URL of a test helper. Use https://HOST or http://HOST:PORT, ooni+https://HOST "
            "for a helper with OONI's protocol, ooni for OONI's public helpers, or none.",
            url=repr(url),
        ),
        2,
    )


def country(code: str | None) -> str | None:
    """Check a country code. Raises UsageError (2)."""
    if code is None or (len(code) == 2 and code.isascii() and code.isalpha()):
        return code.upper() if code else None
    raise UsageError(tr("--cc {code} is no country code. Use two letters, such as IR.", code=repr(code)), 2)


def network(text: str | None) -> str | None:
    """Check an AS number. Raises UsageError (2)."""
    if text is None:
        return None
    digits = text.upper().removeprefix("AS")
    if digits.isascii() and digits.isdigit() and int(digits) < 2**32:
        return f"AS{int(digits)}"
    raise UsageError(tr("--asn {text} is no network number. Use the form AS64500.", text=repr(text)), 2)
