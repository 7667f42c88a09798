"""Derive the contributor token: a pseudonym of one installation for one month, if its user agreed.

The token is HMAC-SHA-256 (RFC 2104) over a label and the month, under a random secret of the installation. It is
truncated to 128 bits, half of the output, which is the least that RFC 2104 recommends (section 5). Without the secret,
tokens of different months cannot be linked. docs/privacy.md says who can learn what from them.
"""

import hashlib
import hmac
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from probe.files import read_regular
from probe.platforms.descriptors import PRIVATE

ANNOTATION = "contributor_token"
SECRET_FILE = "contributor-secret"  # a name of a file, no secret  # nosec B105
LABEL = "censorprobe contributor token "
SECRET_BYTES, DIGITS = 32, 32
_TOKEN = re.compile(rf"\d{{4}}-\d\d-[0-9a-f]{{{DIGITS}}}", re.ASCII)


def token_of(secret: bytes, moment: datetime) -> str:
    """Return the token of a moment's month (UTC): the month, and 32 hexadecimal digits."""
    month = f"{moment.astimezone(UTC):%Y-%m}"
    return f"{month}-{hmac.new(secret, (LABEL + month).encode(), hashlib.sha256).hexdigest()[:DIGITS]}"


def month_of(pseudonym: str) -> str:
    """Return the month of a token, "" for any other text."""
    return pseudonym[:7] if _TOKEN.fullmatch(pseudonym) else ""


def token_annotation(secret: bytes, run: datetime, start: datetime, asn: str, cc: str) -> dict[str, str]:
    """Return the annotation of a measurement that starts at `start` in a run that began at `run`.

    There is none where the network or the country is hidden. In a run over the end of a month, there is none in the new
    month, because the run would link the tokens of both months.
    """
    token = token_of(secret, start)
    return {} if hides_network(asn, cc) or token != token_of(secret, run) else {ANNOTATION: token}


def hides_network(asn: str | None, cc: str | None) -> bool:
    """Return True for the network AS0 or the country ZZ, which stand for a hidden or an unknown one."""
    return asn == "AS0" or cc == "ZZ"


def load_secret(folder: Path) -> bytes:
    """Return the secret in a folder. Make one if there is none. Raises OSError, and ValueError for a damaged file."""
    file = folder / SECRET_FILE
    try:
        secret = bytes.fromhex(read_regular(file, 100).decode("ascii"))
    except FileNotFoundError:
        return _new_secret(file)
    if len(secret) != SECRET_BYTES:
        raise ValueError(file)
    return secret


def _new_secret(file: Path) -> bytes:
    secret = secrets.token_bytes(SECRET_BYTES)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PRIVATE, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret.hex() + "\n")
    return secret


def forget_secret(folder: Path) -> None:
    """Remove the secret, so that no token of an earlier month can be computed again. Raises OSError."""
    (folder / SECRET_FILE).unlink(missing_ok=True)
