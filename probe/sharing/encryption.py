"""Encrypt a shared file for analysts, and decrypt it, in the format of age.

The format is specified at https://age-encryption.org/v1 (2026-11-27).
pyrage is the extra `share`. It has no wheel for 32-bit ARM, musl and Windows on ARM (PyPI, 2026-11-27).
"""

import base64
import importlib
from collections.abc import Sequence
from typing import Any

from probe.messages import tr
from probe.platforms.installation import command_for
from probe.sharing.share_manifest import ShareError

HEADERS = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
SECRET = "AGE-SECRET-KEY-1"  # how every secret key begins  # nosec B105
LARGEST_IDENTITY = 64 * 1024  # bytes
LARGEST_HEADER = 16 * 1024  # bytes, some 150 recipients. pyrage takes 6 s for 98 kB, and minutes for ten times as much.
MOST_RECIPIENTS = 100  # their header fits into that
_END = b"\n--- "  # of the header


def is_encrypted(content: bytes) -> bool:
    """Return whether a file is in age's format."""
    return content.startswith(HEADERS)


def recipients_of(keys: Sequence[str]) -> list[Any]:
    """Return the recipients with these public keys. Raise ShareError."""
    if len(keys) > MOST_RECIPIENTS:
        raise ShareError(tr("--to can be given {count} times. Write several files.", count=MOST_RECIPIENTS))
    return [_recipient(key) for key in keys]


def _recipient(key: str) -> Any:
    pyrage = _pyrage()
    try:
        return pyrage.x25519.Recipient.from_str(key.strip())
    except pyrage.RecipientError:
        if key.strip().upper().startswith(SECRET):
            raise ShareError(
                tr("--to has a secret key. Give the public key of the analyst, which begins with age1.")
            ) from None
        raise ShareError(
            tr("--to {key} is no public key of age. It begins with age1 and has 62 characters.", key=repr(key[:80]))
        ) from None


def encrypt(content: bytes, recipients: Sequence[Any]) -> bytes:
    """Return the content in age's format. Each of the recipients can read it."""
    encrypted: bytes = _pyrage().encrypt(content, list(recipients))
    return encrypted


def identities_of(text: str) -> list[Any]:
    """Return the secret keys in the text of an identity file. Raise ShareError if there is none."""
    pyrage = _pyrage()
    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.upper().startswith(SECRET)]
    except pyrage.IdentityError:
        raise ShareError(tr("The identity file has a damaged secret key.")) from None
    if not found:
        raise ShareError(
            tr("The identity file has no line that begins with AGE-SECRET-KEY-1. `age-keygen` makes such a file.")
        )
    return found


def decrypt(content: bytes, identities: Sequence[Any]) -> bytes:
    """Return what was encrypted. Raise ShareError."""
    pyrage = _pyrage()
    _check_header(content)
    try:
        decrypted: bytes = pyrage.decrypt(content, list(identities))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise ShareError(
                tr(
                    "The file was encrypted for another key. Give the identity file whose public key the sender used "
                    "with --to."
                )
            ) from None
        raise ShareError(
            tr("The file cannot be decrypted, because it is damaged or incomplete. Ask the sender for it again.")
        ) from None
    return decrypted


def _check_header(content: bytes) -> None:
    """Raise ShareError for a header that takes too long to read."""
    if _END not in _beginning(content)[:LARGEST_HEADER]:
        raise ShareError(
            tr(
                "The file cannot be decrypted, because its header has no end within {size} kB. `probe share` does not "
                "write such files. Ask the sender for it again.",
                size=LARGEST_HEADER // 1024,
            )
        )


def _beginning(content: bytes) -> bytes:
    """Return at least the first bytes of a file in age's format, without the armour of text."""
    start = content[: 2 * LARGEST_HEADER]
    if not start.startswith(HEADERS[1]):
        return start
    text = b"".join(start[len(HEADERS[1]) :].partition(b"-----END")[0].split())
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except ValueError:
        return b""


def _pyrage() -> Any:
    """Return the module. Raise ShareError if it is not installed."""
    try:
        return importlib.import_module("pyrage")
    except ImportError:
        raise ShareError(
            tr(
                "Encryption needs pyrage. Use the program `age`, or install pyrage with this command: {command}",
                command=command_for("share"),
            )
        ) from None
