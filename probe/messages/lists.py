"""Join names with the comma of the user's language, such as the Arabic or the Chinese one."""

from collections.abc import Iterable

from probe.messages.catalogue import tr


def listed(names: Iterable[str]) -> str:
    """Return the names with commas between them."""
    return tr(", ").join(names)
