"""List the services that OONI's nettests test, from their code (https://github.com/ooni/probe-cli, commit 7cb22410).

The roles are those of our target files, so that results can be compared. The hosts are not read from these files, since
an old measurement must keep its verdict. Endpoints that OONI only connects to are `tcp://`, which proves no address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from probe.analysis.observations.lenient_json import table, text, texts
from probe.analysis.ooni_import.ooni_entries import Entry, requests, web_url
from probe.targets.dialects import DIALECTS
from probe.targets.target import is_address

_OLD = {
    "chat": ["https://textsecure-service.whispersystems.org:443/"],
    "storage": ["https://storage.signal.org:443/"],
    "directory": ["https://api.directory.signal.org:443/"],
    "cdn": ["https://cdn.signal.org:443/", "https://cdn2.signal.org:443/"],
    "group_calls": ["https://sfu.voip.signal.org:443/"],
}
_TODAY = {
    "chat": ["https://chat.signal.org:443/"],
    "storage": ["https://storage.signal.org:443/"],
    "directory": ["https://cdsi.signal.org:443/"],
    "group_calls": ["https://sfu.voip.signal.org:443/"],
}
_LAST_OLD, _WITH_ALL_SERVERS, _WITH_NEW_ROOT = (0, 2, 3), (0, 2, 4), (0, 2, 2)
_ROOT_REPLACED = "2022-10-19"  # Signal's servers got certificates of a new root, which 0.2.2 knows
_DIRECTORY_REMOVED = "2023-05-02"  # api.directory.signal.org is gone (https://github.com/ooni/backend/issues/679)
_SERVERS_REPLACED = "2023-11-07"  # the old servers fail everywhere (https://github.com/ooni/probe/issues/2627)


def signal_servers(measurement: dict[str, Any]) -> dict[str, list[str]]:
    """Return the endpoints of each service, as the measurement's version tested them."""
    if _version(measurement) > _LAST_OLD:
        return _TODAY
    removed = _start(measurement) >= _DIRECTORY_REMOVED
    return {role: urls for role, urls in _OLD.items() if not (removed and role == "directory")}


def is_outdated(measurement: dict[str, Any]) -> bool:
    """Return True if the probe knew the wrong roots or servers, so that its failures say nothing about the network."""
    version, start = _version(measurement), _start(measurement)
    without_root = version < _WITH_NEW_ROOT and start >= _ROOT_REPLACED
    without_servers = version <= _LAST_OLD and start >= _SERVERS_REPLACED
    return version == _WITH_ALL_SERVERS or without_root or without_servers


def _version(measurement: dict[str, Any]) -> tuple[int, ...]:
    """Return the nettest's version as numbers. One that is invalid counts as today's."""
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", text(measurement.get("test_version")), re.ASCII)
    return tuple(map(int, found.groups())) if found else (1,)


def _start(measurement: dict[str, Any]) -> str:
    return text(measurement.get("measurement_start_time"))[:10]


Services = dict[str, dict[str, Any]]

WHATSAPP_HOSTS = range(1, 17)
MOST_CENTRES = 64  # data centres of Telegram. OONI uses six addresses with two ports each.


@dataclass(frozen=True)
class Nettest:
    """Describe a nettest: the target's name in verdict records, and the services of a measurement.

    A measurement that is outdated has services and no results, because the probe's own lists were wrong.
    """

    target: Callable[[Entry], str]
    services: Callable[[Entry], Services]
    is_outdated: Callable[[Entry], bool] = lambda measurement: False


def input_of(measurement: Entry) -> str:
    """Return the measurement's input, which old measurements have in a list."""
    given = measurement.get("input")
    return text(given) or next(iter(texts(given)), "")


def _named(target: str, **services: list[str]) -> Nettest:
    """Return a nettest with fixed endpoints, all of which a service needs."""
    return Nettest(
        lambda measurement: target, lambda measurement: {role: _all(urls) for role, urls in services.items()}
    )


def _all(urls: list[str]) -> dict[str, Any]:
    return {"works_if": "all", "endpoints": urls}


def _any(urls: list[str]) -> dict[str, Any]:
    return {"works_if": "any", "endpoints": urls}


def _telegram(measurement: Entry) -> Services:
    """Return the services of telegram. The data centres are the addresses of the unencrypted requests."""
    asked = [url for _, url, _ in requests(table(measurement.get("test_keys")))]
    pool = [url for url in asked if url.startswith("http://") and is_address(urlsplit(url).hostname or "")]
    return {"web": _all(["https://web.telegram.org:443/"]), "dc_pool": _any(list(dict.fromkeys(pool))[:MOST_CENTRES])}


def _whatsapp(measurement: Entry) -> Services:
    return {
        "web": _all(["https://web.whatsapp.com:443/"]),
        "registration": _all(["https://v.whatsapp.net:443/v2/register"]),
        "chat": _any([f"tcp://e{n}.whatsapp.net:{port}" for n in WHATSAPP_HOSTS for port in (443, 5222)]),
    }


def _stun(measurement: Entry) -> Services:
    where = input_of(measurement).removeprefix("stun://")
    return {where: _all([f"stun://{where};transport=udp"])}


RESOLVER_SCHEMES = {dialect.ooni_scheme: dialect for dialect in DIALECTS.values() if dialect.ooni_scheme}


def resolver_url(url: str) -> str:
    """Return a resolver's URL in the form of our endpoints, "" if it is invalid."""
    try:
        parts = urlsplit(url)
        dialect = RESOLVER_SCHEMES[parts.scheme]
        host, port = parts.hostname or "", parts.port or dialect.default_port
    except (KeyError, ValueError):
        return ""
    named = f"[{host}]" if ":" in host else host
    return f"{dialect.scheme}://{named}:{port}{parts.path if dialect.scheme == 'doh' else ''}".partition(";")[0]


def _resolver(measurement: Entry) -> Services:
    return {input_of(measurement): _all([resolver_url(input_of(measurement))])}


NETTESTS: dict[str, Nettest] = {
    "telegram": Nettest(lambda measurement: "telegram", _telegram),
    "whatsapp": Nettest(lambda measurement: "whatsapp", _whatsapp),
    "signal": Nettest(
        lambda measurement: "signal",
        lambda measurement: {role: _all(urls) for role, urls in signal_servers(measurement).items()},
        is_outdated,
    ),
    "facebook_messenger": _named(
        "facebook",
        chat=["tcp://edge-mqtt.facebook.com:443"],
        api=["tcp://b-api.facebook.com:443", "tcp://b-graph.facebook.com:443"],
        cdn=["tcp://external.xx.fbcdn.net:443", "tcp://scontent.xx.fbcdn.net:443"],
        star=["tcp://star.c10r.facebook.com:443"],
        calls=["stun://stun.fbsbx.com:3478;transport=udp"],
    ),
    "stunreachability": Nettest(lambda measurement: "stun", _stun),
    "dnscheck": Nettest(lambda measurement: "resolvers", _resolver),
    "web_connectivity": Nettest(
        input_of, lambda measurement: {"web": _all([web_url(input_of(measurement)) or input_of(measurement)])}
    ),
}
"""The nettests that can be judged, by OONI's test_name."""
