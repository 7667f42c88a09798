"""Which services a nettest of OONI's asks about, by role: facts of the nettests' code (ooni/probe-cli 7cb22410).

Roles are called as in our own target files, so that both stand side by side; the hosts are not read from there, because
a line must be judged the same years later. What OONI only connects to is `tcp`: that proves nobody's address.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from probe.analysis.observations.lenient_json import table, text, texts
from probe.analysis.ooni_import.entries import Entry, requests, web_url
from probe.targets.dialects import DIALECTS
from probe.targets.target import is_address

Services = dict[str, dict[str, Any]]

WHATSAPP_HOSTS = range(1, 17)
MOST_CENTRES = 64  # OONI posts to six addresses, at two ports each


@dataclass(frozen=True)
class Nettest:
    """One nettest: the target's name in a record, and the services that a line of it tells of."""

    target: Callable[[Entry], str]
    services: Callable[[Entry], Services]


def input_of(line: Entry) -> str:
    """The line's input; old lines have it in a list."""
    given = line.get("input")
    return text(given) or next(iter(texts(given)), "")


def _named(target: str, **services: list[str]) -> Nettest:
    """A nettest whose endpoints stand in its code; every one of a service is needed."""
    return Nettest(lambda line: target, lambda line: {role: _all(urls) for role, urls in services.items()})


def _all(urls: list[str]) -> dict[str, Any]:
    return {"works_if": "all", "endpoints": urls}


def _any(urls: list[str]) -> dict[str, Any]:
    return {"works_if": "any", "endpoints": urls}


def _telegram(line: Entry) -> Services:
    """The data centres are whatever addresses the line posted to in the clear."""
    asked = [url for _, url, _ in requests(table(line.get("test_keys")))]
    pool = [url for url in asked if url.startswith("http://") and is_address(urlsplit(url).hostname or "")]
    return {"web": _all(["https://web.telegram.org:443/"]), "dc_pool": _any(list(dict.fromkeys(pool))[:MOST_CENTRES])}


def _whatsapp(line: Entry) -> Services:
    return {
        "web": _all(["https://web.whatsapp.com:443/"]),
        "registration": _all(["https://v.whatsapp.net:443/v2/register"]),
        "chat": _any([f"tcp://e{n}.whatsapp.net:{port}" for n in WHATSAPP_HOSTS for port in (443, 5222)]),
    }


def _stun(line: Entry) -> Services:
    where = input_of(line).removeprefix("stun://")
    return {where: _all([f"stun://{where};transport=udp"])}


RESOLVER_SCHEMES = {dialect.ooni_scheme: dialect for dialect in DIALECTS.values() if dialect.ooni_scheme}


def resolver_url(url: str) -> str:
    """A resolver's URL as our endpoints are written; "" for what is none."""
    try:
        parts = urlsplit(url)
        dialect = RESOLVER_SCHEMES[parts.scheme]
        host, port = parts.hostname or "", parts.port or dialect.default_port
    except (KeyError, ValueError):
        return ""
    named = f"[{host}]" if ":" in host else host
    return f"{dialect.scheme}://{named}:{port}{parts.path if dialect.scheme == 'doh' else ''}".partition(";")[0]


def _resolver(line: Entry) -> Services:
    return {input_of(line): _all([resolver_url(input_of(line))])}


NETTESTS: dict[str, Nettest] = {
    "telegram": Nettest(lambda line: "telegram", _telegram),
    "whatsapp": Nettest(lambda line: "whatsapp", _whatsapp),
    "signal": _named(
        "signal",
        chat=["https://chat.signal.org:443/"],
        storage=["https://storage.signal.org:443/"],
        directory=["https://cdsi.signal.org:443/"],
        group_calls=["https://sfu.voip.signal.org:443/"],
    ),
    "facebook_messenger": _named(
        "facebook",
        chat=["tcp://edge-mqtt.facebook.com:443"],
        api=["tcp://b-api.facebook.com:443", "tcp://b-graph.facebook.com:443"],
        cdn=["tcp://external.xx.fbcdn.net:443", "tcp://scontent.xx.fbcdn.net:443"],
        star=["tcp://star.c10r.facebook.com:443"],
        calls=["stun://stun.fbsbx.com:3478;transport=udp"],
    ),
    "stunreachability": Nettest(lambda line: "stun", _stun),
    "dnscheck": Nettest(lambda line: "resolvers", _resolver),
    "web_connectivity": Nettest(input_of, lambda line: {"web": _all([web_url(input_of(line)) or input_of(line)])}),
}
"""By OONI's test_name. What is not here is not judged: it proves nothing that our rules know."""
