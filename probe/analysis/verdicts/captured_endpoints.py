"""Say for an endpoint of a capture where its server was, and what the hellos to it show."""

from typing import Any

from probe.analysis.observations.lenient_json import flag, table, tables, text

OUTER_NAME = "outer_name"
MOST_ADDRESSES = 16


def seen_in_capture(run: dict[str, Any], url: str) -> dict[str, Any]:
    """Return the key `capture` of an endpoint, {} for a measurement of a run.

    `addresses` are those of the server. `hello` is the part of the hellos that was seen. With an encrypted name,
    `decides` is `name` if hellos with other names and the same extension passed, and `extension` if hellos with this
    name and without the extension passed. Null if neither was captured, or both.
    """
    if "capture" not in run:
        return {}
    flows = [each for each in tables(table(run["capture"]).get("flows")) if text(each.get("endpoint")) == url]
    own = [each for each in flows if text(each.get("kind")) in {"first", "confirm"}]
    addresses = list(dict.fromkeys(text(each.get("address")) for each in own))[:MOST_ADDRESSES]
    hellos = {text(each.get("hello")) for each in own} - {""}
    hello = OUTER_NAME if OUTER_NAME in hellos else min(hellos, default=None)
    return {"capture": {"addresses": addresses, "hello": hello, "decides": _decides(flows, own, hellos)}}


def _decides(flows: list[dict[str, Any]], own: list[dict[str, Any]], hellos: set[str]) -> str | None:
    encrypted = [each for each in own if text(each.get("hello")) == OUTER_NAME]
    if OUTER_NAME not in hellos or any(flag(each.get("passed")) for each in encrypted):
        return None
    others = [each for each in flows if text(each.get("kind")) == "innocuous"]
    name = any(flag(each.get("passed")) and text(each.get("hello")) == OUTER_NAME for each in others)
    extension = any(flag(each.get("passed")) and text(each.get("hello")) != OUTER_NAME for each in own)
    return None if name == extension else "name" if name else "extension"
