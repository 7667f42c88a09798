"""Name the columns that identify what an address row is about: one endpoint at one address of one measurement."""

from probe.analysis.sql.expressions import same

SUBJECT = ("m", "endpoint", "address")
KEY = ", ".join(SUBJECT)


def same_subject(one: str, other: str) -> str:
    """Return the condition that two tables' rows are about the same endpoint and address."""
    return same(other, one, *SUBJECT)
