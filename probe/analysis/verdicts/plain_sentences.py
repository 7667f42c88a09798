"""Fill in the plain sentences: what a verdict says to a user without technical knowledge."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from probe.analysis.observations.lenient_json import table, text
from probe.analysis.phenomena import in_order
from probe.analysis.rules.variant import variant_of
from probe.analysis.ruleset.tables import rule_of
from probe.messages import listed, mark, tr, tr_plural
from probe.targets.titles import shown_title

INVALID_SENTENCES: dict[str, str] = {
    "captive_portal": mark("A sign-in page answers in the place of every server. Sign in first, then run again."),
    "clock": mark("The clock of this computer is wrong by more than a day. Set it, then run again."),
    "vpn": mark("A VPN carries the traffic, so another network would be measured. Switch it off, then run again."),
    "network_changed": mark(
        "This computer changed to another network during the test, so the result is about neither of them. Stay in one "
        "network, then run again."
    ),
    "computer_slept": mark(
        "This computer slept during the test, so it may have missed answers. Keep it awake, then run again."
    ),
    "tls_interception": mark(
        "A device in this network, or a program on this computer, opens all encrypted connections. Nothing can be "
        "concluded about single services. Pause the program, or use another network, then run again."
    ),
    "no_network": mark("No server answers, not even unrelated ones. Connect to the Internet, then run again."),
    "probe_bug": mark("A fault in this program spoiled the measurement. Please report it."),
}
"""Reason of an invalid run, and the sentence for the user."""
UNUSABLE = mark("This run cannot be used.")

_SHUT_DOWN = mark("{app} was shut down by its operator on {date}. Nothing can be concluded about {service}.")
_SUCCEEDED = mark(
    "{app} was shut down by its operator on {date}, and replaced by {successor}. "
    "Nothing can be concluded about {service}."
)


SHOWN_THOUGH_OK = frozenset(rule_id for each in in_order() for rule_id in each.shown_though_ok)
"""Rules of services that work, of which the sentence is shown: what was seen may be no interference."""

_VALUES = tuple(each.values for each in in_order() if each.values is not None)


def plain_sentence(
    record: Mapping[str, Any], target: Mapping[str, Any] | None = None, *, alike: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the plain sentences of a verdict record in the user's language.

    `target` is the measurement's `x_target`, which holds the title. Without it the target's short name is shown.
    `alike` are further records of the same target and rule that share the text, such as other services of the app.
    """
    if not record.get("valid", True):
        return tr(INVALID_SENTENCES.get(text(record.get("invalid_reason")), UNUSABLE))
    rule = rule_of(record)
    if rule is None:  # of another ruleset
        return text(record.get("because"))
    facts = table(target)
    sentence = _shut_down(facts) if rule.rule_id == "service_retired" else rule.plain
    records = [record, *alike]
    app = _app(record, facts)
    return tr(
        sentence or rule.plain,
        app=app,
        service=_service(app, records),
        host=_listed(host for each in records for host in _hosts(each)) or app,
        date=facts.get("retired"),
        successor=facts.get("successor"),
        **{name: tr(words) for name, words in rule.words},
        **{name: value for values_of in _VALUES for name, value in values_of(record).items()},
    )


def _shut_down(facts: Mapping[str, Any]) -> str:
    """Return the sentence about a retired target as far as its date and successor are known, "" if they are not."""
    if not facts.get("retired"):
        return ""
    return _SUCCEEDED if facts.get("successor") else _SHUT_DOWN


def _app(record: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    return shown_title(text(facts.get("title"))) or text(record.get("target"))


def _service(app: str, records: Sequence[Mapping[str, Any]]) -> str:
    """Return the app with its services in parentheses. A web address has only one service, which is not named."""
    named = [(text(record.get("service")), text(record.get("target"))) for record in records]
    roles = [service.removeprefix(f"{target}/").replace("_", " ") for service, target in named]
    if "://" in app or not any(roles):
        return app
    return tr("{app} ({services})", app=app, services=listed(dict.fromkeys(roles)))


def _hosts(record: Mapping[str, Any]) -> list[str]:
    """Return the hosts of the endpoints that decide, or of all endpoints if the record does not name any."""
    endpoints = [table(endpoint) for endpoint in record.get("endpoints") or ()]
    deciding = [endpoint for endpoint in endpoints if variant_of(endpoint) == variant_of(record)]
    return [_host(text(endpoint.get("endpoint"))) for endpoint in deciding or endpoints]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _listed(names: Iterable[str]) -> str:
    """Return the first name, and the second or the number of the others. Empty without names."""
    first, *others = list(dict.fromkeys(names)) or [""]
    if not others:
        return first
    if len(others) == 1:
        return tr("{first} and {second}", first=first, second=others[0])
    return tr_plural("{first} and {count} more", "{first} and {count} more", len(others), first=first)
