"""Parse lists of configurations for Encrypted ClientHello, as DNS publishes them (RFC 9849 section 4)."""

from typing import NamedTuple

VERSION = 0xFE0D
X25519 = (0x20, 32)  # KEM and bytes of its public key, RFC 9180 section 7.1
SUITES = frozenset({(1, 1), (1, 2), (1, 3)})  # HKDF-SHA256 with AES-128-GCM, AES-256-GCM or ChaCha20Poly1305
LONGEST = 2000  # bytes of a list. Those of one provider have fewer than 200


class ECHConfig(NamedTuple):
    """Hold one configuration of the known version."""

    config_id: int
    kem: int
    public_key: bytes
    suites: tuple[tuple[int, int], ...]
    """KDF and AEAD of each suite (RFC 9180 section 7)."""
    longest_name: int
    public_name: str
    """Name that the outer hello shows."""

    @property
    def is_usual(self) -> bool:
        """Return whether TLS libraries can encrypt with it: X25519, HKDF-SHA256, and AES or ChaCha20."""
        return (self.kem, len(self.public_key)) == X25519 and any(suite in SUITES for suite in self.suites)


class _Reader:
    """Read fields from bytes. Raise ValueError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise ValueError("a field ends behind its list")
        found, self._at = self._data[self._at : end], end
        return found

    def counted(self, size: int) -> bytes:
        return self.take(self.number(size))

    def more(self) -> bool:
        return self._at < len(self._data)


def parse_config_list(data: bytes) -> list[ECHConfig]:
    """Return the configurations of version 0xfe0d. Raise ValueError for a list that is malformed or has none.

    Other versions are skipped. A configuration with a mandatory extension is left out, because no extension is known.
    """
    whole = _Reader(data)
    inside = _Reader(whole.counted(2))
    if whole.more() or len(data) > LONGEST:
        raise ValueError("the list has another length than it says, or a very large one")
    found = []
    while inside.more():
        version, contents = inside.number(2), inside.counted(2)
        if version == VERSION and (config := _config(_Reader(contents))) is not None:
            found.append(config)
    if not found:
        raise ValueError("no configuration of a known version")
    return found


def public_name(data: bytes) -> str:
    """Return the one name that outer hellos with this list show.

    Raise ValueError if there are several, or if no configuration is usual.
    """
    configs = parse_config_list(data)
    names = {config.public_name for config in configs}
    if len(names) != 1 or not any(config.is_usual for config in configs):
        raise ValueError("several public names, or no usual configuration")
    return names.pop()


def _config(reader: _Reader) -> ECHConfig | None:
    config_id, kem, key = reader.number(1), reader.number(2), reader.counted(2)
    suites, longest, name = _Reader(reader.counted(2)), reader.number(1), reader.counted(1)
    extensions = _Reader(reader.counted(2))
    pairs = []
    while suites.more():
        pairs.append((suites.number(2), suites.number(2)))
    if reader.more() or not pairs or not key:
        raise ValueError("a configuration has no suite, no key, or bytes behind its end")
    mandatory = False
    while extensions.more():
        mandatory |= extensions.number(2) >= 0x8000
        extensions.counted(2)
    shown = name.decode("ascii").lower()  # UnicodeDecodeError is a ValueError
    return None if mandatory else ECHConfig(config_id, kem, key, tuple(pairs), longest, shown)
