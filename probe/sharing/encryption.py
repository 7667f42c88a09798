"""Encrypt a shared file for analysts, and decrypt it, in the format of age.

The format is specified at https://age-encryption.org/v1 (2026-11-27).
pyrage is the extra `share`. It has no wheel for 32-bit ARM, musl and Windows on ARM (PyPI, 2026-11-27).
"""

import importlib
from collections.abc import Sequence
from typing import Any

from probe.messages import tr
from probe.sharing.manifest import ShareError

HEADERS = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
SECRET = "AGE-SECRET-KEY-1"
LARGEST_IDENTITY = 64 * 1024  # bytes


def is_encrypted(content: bytes) -> bool:
    """Return whether a file is in age's format."""
    return content.startswith(HEADERS)


def recipients_of(keys: Sequence[str]) -> list[Any]:
    """Return the recipients with these public keys. Raise ShareError."""
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
    try:
        decrypted: bytes = pyrage.decrypt(content, list(identities))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise ShareError(
                tr("It was encrypted for another key. Give the identity file that belongs to the key after --to.")
            ) from None
        raise ShareError(tr("It cannot be decrypted, because it is damaged or incomplete. Ask for it again.")) from None
    return decrypted


def _pyrage() -> Any:
    """Return the module. Raise ShareError if it is not installed."""
    try:
        return importlib.import_module("pyrage")
    except ImportError:
        raise ShareError(
            tr("Encryption needs pyrage. Install it with pip install 'censorprobe[share]', or use the program `age`.")
        ) from None
