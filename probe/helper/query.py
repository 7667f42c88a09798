"""Parse a question to the helper strictly, so that the helper contacts only its own targets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from probe.targets.address_guard import Contacts, Elsewhere, may_contact
from probe.targets.target import Target, is_address
from probe.targets.url_lists import WEB_PORTS, web_target

FIELDS = ("target", "url", "services", "addresses", "fresh", "endpoints")
MOST_ADDRESSES = 16  # per name


class RequestRefused(Exception):
    """Report that the request is refused with an HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class HelperQuery:
    """Hold a checked question. `services` None means all roles. `addresses` are additional ones per name.

    A `fresh` question is measured now, and its target has only the endpoints that were asked for.
    """

    target: Target
    services: list[str] | None
    addresses: dict[str, list[str]]
    fresh: bool = False

    @property
    def key(self) -> str:
        """Return a key that is equal for questions with the same answer."""
        addresses = {name: sorted(ips) for name, ips in self.addresses.items()}
        return json.dumps([self.target.name, sorted(self.services or []), addresses], sort_keys=True)


def read_question(raw: bytes, targets: Mapping[str, Target], contacts: Contacts | Elsewhere) -> HelperQuery:
    """Parse the body of `POST /v1/measure`. `contacts` are the addresses that it may name.

    Raises Refused (400, 404, 422).
    """
    asked = _object(raw)
    if "url" in asked and "target" in asked:
        raise RequestRefused(400, "target and url exclude each other: a question is about one of them")
    target = _address(asked["url"]) if "url" in asked else _target(asked.get("target"), targets)
    services = _services(asked.get("services"), target)
    addresses = _addresses(asked.get("addresses"), target, contacts)
    fresh = _fresh(asked)
    return HelperQuery(_only(asked.get("endpoints"), target), services, addresses, fresh)


def _fresh(asked: Mapping[str, Any]) -> bool:
    fresh = asked.get("fresh", False)
    if not isinstance(fresh, bool):
        raise RequestRefused(400, "fresh: expected true or false")
    if "endpoints" in asked and not fresh:
        raise RequestRefused(400, 'endpoints: expected only together with "fresh": true')
    return fresh


def _only(urls: Any, target: Target) -> Target:
    """Return the target with the endpoints that are asked for, with all of them if none are named."""
    if urls is None:
        return target
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
        raise RequestRefused(400, "endpoints: expected a list of endpoints as strings")
    known = {endpoint.url for _, endpoint in target.endpoints()}
    for url in urls:
        if url not in known:
            raise RequestRefused(422, f"endpoints: {url[:64]!r} is no endpoint of this target")
    return target.only_endpoints(urls)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the body is not JSON") from None
    if not isinstance(asked, dict):
        raise RequestRefused(400, "the body is not a JSON object")
    for name in asked:
        if name not in FIELDS:
            raise RequestRefused(400, f"unknown field {name[:64]!r}; expected one of {', '.join(FIELDS)}")
    return asked


def _target(name: Any, targets: Mapping[str, Target]) -> Target:
    if not isinstance(name, str):
        raise RequestRefused(400, "target: expected the name of a target as a string")
    if name not in targets:
        near = get_close_matches(name[:64], targets, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise RequestRefused(404, f"unknown target {name[:64]!r}{hint}")
    return targets[name]


def _address(url: Any) -> Target:
    """Return a target for a web address. Redirects are followed as the probe follows them, at web ports only."""
    if not isinstance(url, str):
        raise RequestRefused(400, "url: expected a web address as a string")
    try:
        target = web_target(url)
    except ValueError as error:
        raise RequestRefused(422, f"url: {str(error)[:200]}") from None
    port = next(target.endpoints())[1].port
    if port not in WEB_PORTS:
        raise RequestRefused(422, f"url: port {port} is no usual port of the web; expected one of {sorted(WEB_PORTS)}")
    return target


def _services(roles: Any, target: Target) -> list[str] | None:
    if roles is None:
        return None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise RequestRefused(400, "services: expected a list of role names")
    for role in roles:
        if role not in target.services:
            raise RequestRefused(
                404, f"{target.name} has no service {role[:64]!r}; it has {', '.join(target.services)}"
            )
    return roles or None


def _addresses(given: Any, target: Target, contacts: Contacts | Elsewhere) -> dict[str, list[str]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RequestRefused(400, "addresses: expected an object from host names to lists of addresses")
    names = {endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal}
    return {name: _of_one_name(name, ips, names, contacts) for name, ips in given.items()}


def _of_one_name(name: str, ips: Any, names: set[str], contacts: Contacts | Elsewhere) -> list[str]:
    if not isinstance(ips, list) or not all(isinstance(ip, str) for ip in ips):
        raise RequestRefused(400, f"addresses: {name[:64]!r}: expected a list of addresses as strings")
    if name not in names:
        raise RequestRefused(422, f"addresses: {name[:64]!r} is no host of this target")
    if len(ips) > MOST_ADDRESSES:
        raise RequestRefused(422, f"addresses: {name!r} has {len(ips)} of them; at most {MOST_ADDRESSES} per name")
    for ip in ips:
        _check_address(ip, contacts)
    return list(dict.fromkeys(ips))


def _check_address(text: str, contacts: Contacts | Elsewhere) -> None:
    if not is_address(text) or "%" in text:
        raise RequestRefused(422, f"addresses: {text[:64]!r} is no IP address")
    if not may_contact(text, contacts):
        sentence = f"addresses: {text} is private, reserved, multicast or the helper's own, and is not contacted"
        raise RequestRefused(422, sentence)
