"""Name networks by the bundled table."""

from functools import cache

from probe.asn.table import AsnTable


@cache
def network_name(asn: str) -> str:
    """Return the operator's name of a network such as `AS64500`, from the bundled table, "" if it is unknown."""
    number = asn.removeprefix("AS")
    return _asn_table().name(int(number)) if number.isdecimal() and len(number) < 11 else ""


@cache
def _asn_table() -> AsnTable:
    return AsnTable()
