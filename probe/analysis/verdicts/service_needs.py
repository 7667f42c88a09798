"""Find what a person needs a service for. The measurement says it, and measurements without it have a table by role."""

from collections.abc import Mapping
from typing import Any

from probe.analysis.observations.lenient_json import table, text, texts
from probe.targets.dialects import DIALECTS
from probe.targets.needs import NEEDS

_BY_SCHEME = {dialect.scheme: dialect.usual_need for dialect in DIALECTS.values() if dialect.usual_need}
_BY_ROLE = {
    **dict.fromkeys(("chat", "dc_pool", "long_link", "short_link"), "messages"),
    **dict.fromkeys(("media", "cdn"), "media"),
    **dict.fromkeys(("calls", "group_calls", "fcm", "apns"), "calls"),
    **dict.fromkeys(("registration", "signin", "storage", "directory", "host_list"), "sign_in"),
}
_WITH_WEB_CLIENT = frozenset({"skype", "snapchat", "teams", "telegram", "wechat", "whatsapp"})
# Measurements from before 2026-11-27 and OONI's have no `needs`. A test compares this table with the target files.


def needs_of(record: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Return the needs that the service of a verdict record serves. `target` is the measurement's `x_target`."""
    role = role_of(record)
    declared = texts(table(table(target.get("services")).get(role)).get("needs"))
    return [need for need in NEEDS if need in declared] or _by_role(record, role)


def role_of(record: Mapping[str, Any]) -> str:
    """Return the role of the service that a verdict record is about."""
    return text(record.get("service")).removeprefix(f"{text(record.get('target'))}/")


def _by_role(record: Mapping[str, Any], role: str) -> list[str]:
    name = text(record.get("target"))
    if name == "gmail" and role == "web":
        return ["messages", "pages"]
    if role == "web":
        return ["browser" if name in _WITH_WEB_CLIENT else "pages"]
    schemes = [text(table(one).get("endpoint")).partition("://")[0] for one in record.get("endpoints") or ()]
    return [_BY_ROLE.get(role) or next((_BY_SCHEME[each] for each in schemes if each in _BY_SCHEME), "pages")]
