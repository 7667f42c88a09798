"""Test encryption for an analyst, with real keys of age."""

import pyrage
import pytest

from probe.sharing import ShareError
from probe.sharing.encryption import decrypt, encrypt, identities_of, is_encrypted, recipients_of

OWN, OTHER = (pyrage.x25519.Identity.generate() for _ in range(2))
FILE = f"# created: 2026-11-27\n# public key: {OWN.to_public()}\n{OWN}\n"


def encrypted(*identities: pyrage.x25519.Identity) -> bytes:
    return encrypt(b"content", recipients_of([str(one.to_public()) for one in identities]))


def test_analyst_reads_what_was_encrypted() -> None:
    content = encrypted(OWN)
    assert is_encrypted(content) and b"content" not in content
    assert decrypt(content, identities_of(FILE)) == b"content"


def test_each_of_several_analysts_reads_it() -> None:
    content = encrypted(OTHER, OWN)
    for identity in (OWN, OTHER):
        assert decrypt(content, identities_of(str(identity))) == b"content"


def test_one_of_several_keys_is_enough() -> None:
    assert decrypt(encrypted(OWN), identities_of(f"{OTHER}\r\n{OWN}\n")) == b"content"


def test_wrong_key_is_named() -> None:
    with pytest.raises(ShareError, match="encrypted for another key"):
        decrypt(encrypted(OTHER), identities_of(FILE))


@pytest.mark.parametrize(
    ("cut", "reason"), [(25, "its header has no end"), (60, "its header has no end"), (-1, "it is damaged")]
)
def test_incomplete_file_is_refused(cut: int, reason: str) -> None:
    with pytest.raises(ShareError, match=f"cannot be decrypted, because {reason}"):
        decrypt(encrypted(OWN)[:cut], identities_of(FILE))


def test_changed_file_is_refused() -> None:
    content = bytearray(encrypted(OWN))
    content[-1] ^= 1
    with pytest.raises(ShareError, match="cannot be decrypted, because it is damaged"):
        decrypt(bytes(content), identities_of(FILE))


@pytest.mark.parametrize("key", ["", "age1", "age1" + "q" * 58, "ssh-ed25519 AAAA", "\x1b[2J"])
def test_text_that_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(ShareError, match="is no public key of age"):
        recipients_of([key])


def test_secret_key_is_not_shown() -> None:
    with pytest.raises(ShareError, match="--to has a secret key") as refused:
        recipients_of([str(OWN)])
    assert str(OWN)[16:] not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "no line that begins"), (str(OWN.to_public()), "no line that begins"), (str(OWN)[:-1], "damaged secret key")],
    ids=["empty", "public key", "cut off"],  # the keys are new in each process
)
def test_identity_file_without_a_key_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ShareError, match=sentence):
        identities_of(text)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyrage", None)
    with pytest.raises(
        ShareError,
        match=r"Encryption needs pyrage. Use the program `age`, or install pyrage with this command: .* install",
    ):
        recipients_of(["age1"])
