"""Read measurements as plain JSON, without pydantic's models of them, which take long to build."""

from typing import Any

SCRUBBED = "[scrubbed]"  # what redaction writes in place of the user's addresses and names


def places_of_entries(test_keys: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every object in test keys that may contain lists of entries.

    Values that are no objects are left out, because measurements come from any source.
    """
    lookups = test_keys.get("lookups")  # dnscheck: results by the resolver's URL
    inner = [test_keys.get(key) for key in ("x_endpoints", "x_followups", "bootstrap")]
    inner += lookups.values() if isinstance(lookups, dict) else ()
    if isinstance(connects := test_keys.get("tcp_connects"), list):  # echcheck has this name for the list
        inner.append({"tcp_connect": connects})
    return [test_keys, *(place for place in inner if isinstance(place, dict))]
