"""Choose the plain sentence about an app. It is short, because it stands in one row of the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from probe.analysis.observations.lenient_json import text, texts
from probe.analysis.phenomena import in_order
from probe.analysis.rules.rule import CausePlace
from probe.analysis.ruleset.mechanisms import ancestors
from probe.analysis.ruleset.tables import rule_of
from probe.messages import mark, tr, tr_plural

REASONS: dict[str, str] = {
    "dns.injection": mark("False addresses are sent."),
    "dns.nxdomain": mark("Its names are denied."),
    "dns.refused": mark("Its names are refused."),
    "dns.servfail": mark("Its names are not found."),
    "dns.timeout": mark("Its names get no answer."),
    "dns.intercepted": mark("Queries are diverted."),
    "ip.unreachable": mark("No route to its servers."),
    "tcp.timeout": mark("Servers do not answer."),
    "tcp.refused": mark("Connections are refused."),
    "tcp.reset": mark("Connections are cut off."),
    "tls.reset": mark("Connections are cut off."),
    "tls.timeout": mark("Connections go silent."),
    "quic.timeout": mark("Packets disappear."),
    "http.blockpage": mark("A block page is shown."),
    "http.redirect": mark("Pages are redirected."),
    "http.reset": mark("Requests are cut off."),
    "http.timeout": mark("Requests get no answer."),
    "http.error": mark("Connections are refused."),
    "udp.timeout": mark("Packets disappear."),
    "stun.timeout": mark("Call packets disappear."),
    "stun.tampering": mark("Call packets are changed."),
    "turn.timeout": mark("Call packets disappear."),
    "turn.tampering": mark("Call packets are changed."),
    "reflector.timeout": mark("Call packets disappear."),
    "reflector.tampering": mark("Call packets are changed."),
    "reflector": mark("Calls are cut off."),
    "dtls.timeout": mark("Call packets disappear."),
    "dtls.tampering": mark("Call packets are changed."),
    "relay.udp": mark("Calls need TCP here."),
    "sip.timeout": mark("Call packets disappear."),
    "sip.reset": mark("Calls are cut off."),
    "sip.rewrite": mark("Call packets are changed."),
    "stun.rewrite": mark("Call packets are changed."),
    "sip.tampering": mark("Call packets are changed."),
    "smtp.injection": mark("Mail gets false replies."),
    "smtp.starttls_stripped": mark("Encryption is removed."),
    "imap.starttls_stripped": mark("Encryption is removed."),
    "protocol.reset": mark("Connections are cut off."),
    **{node: words for each in in_order() for node, words in each.app_words.items()},
}
"""How interference shows to a user, by a node of the tree of mechanisms. A node below has the same sentence."""

BLOCKED_NEEDS: dict[str, str] = {
    "messages": mark("Messages are blocked."),
    "pages": mark("Pages are blocked."),
    "calls": mark("Calls are blocked."),
    "names": mark("Name queries are blocked."),
    "media": mark("Media are blocked."),
    "sign_in": mark("Signing in is blocked."),
    "browser": mark("The web client is blocked."),
}
LIKELY_BLOCKED_NEEDS: dict[str, str] = {
    "messages": mark("Messages are probably blocked."),
    "pages": mark("Pages are probably blocked."),
    "calls": mark("Calls are probably blocked."),
    "names": mark("Name queries are probably blocked."),
    "media": mark("Media are probably blocked."),
    "sign_in": mark("Signing in is probably blocked."),
    "browser": mark("The web client is probably blocked."),
}
NEEDS_IN_PART: dict[str, str] = {
    "messages": mark("Messages work in part."),
    "pages": mark("Pages work in part."),
    "calls": mark("Calls work in part."),
    "names": mark("Name queries work in part."),
    "media": mark("Media work in part."),
    "sign_in": mark("Signing in works in part."),
    "browser": mark("The web client works in part."),
}
FAILING_NEEDS: dict[str, str] = {
    "messages": mark("Messages do not work."),
    "pages": mark("Pages do not work."),
    "calls": mark("Calls do not work."),
    "names": mark("Name queries do not work."),
    "media": mark("Media do not work."),
    "sign_in": mark("Signing in does not work."),
    "browser": mark("The web client does not work."),
}
UNTESTED_NEEDS: dict[str, str] = {
    "messages": mark("Messages: not tested."),
    "pages": mark("Pages: not tested."),
    "calls": mark("Calls: not tested."),
    "names": mark("Name queries: not tested."),
    "media": mark("Media: not tested."),
    "sign_in": mark("Signing in: not tested."),
    "browser": mark("Web client: not tested."),
}
NEEDS_SO_FAR: dict[str, str] = {
    "messages": mark("Messages work so far."),
    "pages": mark("Pages work so far."),
    "calls": mark("Calls work so far."),
    "names": mark("Names are found so far."),
    "media": mark("Media work so far."),
    "sign_in": mark("Signing in works so far."),
    "browser": mark("Web client works so far."),
}
"""The sentence about a need of which something was not tested to its end, and the rest works."""
_BY_STATE = {
    "blocked": BLOCKED_NEEDS,
    "likely_blocked": LIKELY_BLOCKED_NEEDS,
    "degraded": NEEDS_IN_PART,
    "filtered_locally": FAILING_NEEDS,
    "impaired": FAILING_NEEDS,
    "down": FAILING_NEEDS,
}
_SOMEWHERE = "somewhere"  # on the user's own side
FILTERED: dict[str, str] = {
    "this_computer": mark("This computer blocks it."),
    "home_network": mark("Blocked at home."),
    "resolver_of_choice": mark("Your own DNS blocks it."),
    _SOMEWHERE: mark("Your own side blocks it."),
}
"""The sentence about an app that is filtered on the user's own side, by `cause_place`."""
REFUSED_BY_SERVICE = mark("Refused by the service.")
"""The sentence about an app whose own servers refuse access here."""
_SHOWN = {rule_id: shown for each in in_order() for rule_id, shown in each.shown_though_ok.items()}
BAD_THOUGH_OK: dict[str, str] = {rule_id: _SHOWN[rule_id][1] for rule_id in sorted(_SHOWN, key=_SHOWN.__getitem__)}
"""The sentence about a service that works badly, by its rule. An access line or a server can cause this too."""
_ORDER = {state: place for place, state in enumerate(_BY_STATE)}
_ACCUSED = {"blocked", "likely_blocked", "degraded"}
_BAD = frozenset({"throttle", "cutoff"})  # parts of mechanisms by which a service works badly
MANY = 3  # services of one need that are alike, such as providers, from which on they are counted


def app_sentence(
    rule_id: str,
    needs: Mapping[str, str],
    essential: Sequence[str],
    records: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
) -> str:
    """Return the plain sentence about an app. `records` are the verdict records of its services that decide.

    `needs` has the state of each need, and `essential` the needs without which the app is of no use. `services` are the
    records of all its services.
    """
    sentence = _about_state(rule_id, needs, essential, records, services)
    interfered = {need: state for need, state in needs.items() if state in _ACCUSED and need not in essential}
    if rule_id not in _UNMET or not interfered:
        return sentence
    return f"{sentence} {_about_worst(interfered)}"


_UNMET = frozenset({"app_filtered_locally", "app_unclear", "app_down", "app_untested", "app_undecided"})
"""The rules that decide by an essential need. Interference with another need is told beside it."""


def _about_state(
    rule_id: str,
    needs: Mapping[str, str],
    essential: Sequence[str],
    records: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
) -> str:
    """Return the sentence about the needs that decide the state of the app."""
    if rule_id in {"app_blocked", "app_likely_blocked"}:
        return reason_of(records)
    decisive = {need: needs[need] for need in essential}
    if rule_id == "app_works_in_part":
        if badly := _works_badly(decisive, records):
            return badly
        return _counted(records) if len(needs) == 1 else _about_worst(decisive)
    if rule_id == "app_other_need_blocked":
        if _are_calls_bad(needs, records):
            return reason_of(records)
        return _works_badly(needs, records) or _about_worst(needs)
    if rule_id == "app_other_need_unclear":
        return _about_worst(needs)
    if rule_id in {"app_filtered_locally", "app_other_need_filtered_locally"}:
        places = [text(record.get("cause_place")) for record in records]
        return tr(FILTERED[next(filter(FILTERED.__contains__, places), _SOMEWHERE)])
    if rule_id in {"app_unclear", "app_down"} and "ok" in needs.values():
        return _about_worst(decisive)
    if rule_id == "app_unclear" and _are_refused(records):
        return tr(REFUSED_BY_SERVICE)
    if rule_id == "app_untested" and any(record.get("state") == "ok" for record in records):
        return _so_far(needs, essential, services)
    if rule_id == "app_other_need_untested":
        untested = [need for need in needs if needs[need] == "insufficient"]
        return tr(UNTESTED_NEEDS[untested[0]]) if len(untested) == 1 else _OTHERS["app_untested"]()
    return _OTHERS[rule_id]() if rule_id in _OTHERS else _about_working(needs, records, services)


def _are_refused(records: Sequence[Mapping[str, Any]]) -> bool:
    return bool(records) and all(record.get("cause_place") == CausePlace.SERVICE for record in records)


_OTHERS = {
    "app_unclear": lambda: tr("It fails, cause unclear."),
    "app_down": lambda: tr("It fails elsewhere too."),
    "app_untested": lambda: tr("Not tested to its end."),
    "app_undecided": lambda: tr("Only a part was tested."),
}


def reason_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence for the first mechanism of the services that decide."""
    for record in records:
        rule = rule_of(record)
        named = [rule.mechanism] if rule is not None and rule.mechanism else texts(record.get("mechanisms"))
        for node in (node for mechanism in named for node in ancestors(mechanism)):
            if node in REASONS:
                return tr(REASONS[node])
    return tr("It fails here only.")


def _are_calls_bad(needs: Mapping[str, str], records: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether nothing fails except that call packets are lost, late or slow."""
    failing = {need for need, state in needs.items() if state in _ORDER}
    rules = [rule_of(record) for record in records[:1]]
    return failing == {"calls"} and any(rule is not None and rule.mechanism.startswith("media.") for rule in rules)


def _works_badly(needs: Mapping[str, str], records: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the sentence about services that are slow or broken off, None if another mechanism is named."""
    affected = [record for record in records if record.get("state") in _ACCUSED]
    named = [texts(record.get("mechanisms")) for record in affected]
    slow = all(names and all(_BAD.intersection(name.split(".")) for name in names) for names in named)
    worse = any(state in _ACCUSED and state != "degraded" for state in needs.values())
    return reason_of(affected) if affected and slow and not worse else None


def _about_worst(needs: Mapping[str, str]) -> str:
    """Return the sentence about the need with the gravest state."""
    failing = [need for need in needs if needs[need] in _ORDER]
    worst = min(failing, key=lambda need: _ORDER[needs[need]])
    return tr(_BY_STATE[needs[worst]][worst])


def _counted(records: Sequence[Mapping[str, Any]]) -> str:
    """Return how many of several servers that are alike are blocked."""
    blocked = sum(record.get("state") in {"blocked", "likely_blocked"} for record in records)
    if not blocked:
        return tr("Some connections fail.")
    return tr_plural("{count} of {all} is blocked.", "{count} of {all} are blocked.", blocked, all=len(records))


def _so_far(needs: Mapping[str, str], essential: Sequence[str], services: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence about an app of which something works, and something was not tested to its end."""
    untested = [need for need in essential if needs[need] == "insufficient"]
    if len(untested) > 1:
        return _OTHERS["app_untested"]()
    if len(needs) > 1 or len(services) == 1:
        return tr(NEEDS_SO_FAR[untested[0]])
    working = sum(record.get("state") == "ok" for record in services)
    return tr_plural("{count} of {all} works so far.", "{count} of {all} work so far.", working, all=len(services))


def _about_working(
    needs: Mapping[str, str], records: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]
) -> str:
    """Return the sentence about an app that works, with what is bad, or known to fail elsewhere too."""
    down = {need: state for need, state in needs.items() if state == "down"}
    if down:
        return _about_worst(down)
    if all(record.get("proof") == "tcp" for record in records):
        return tr("Only connections tested.")
    failing = sum(record.get("state") == "down" for record in records)
    if failing:
        return tr_plural(
            "{count} of {all} fails elsewhere too.",
            "{count} of {all} fail elsewhere too.",
            failing,
            all=len(records),
        )
    rules = {text(record.get("rule_id")) for record in services}
    return next((tr(sentence) for rule_id, sentence in BAD_THOUGH_OK.items() if rule_id in rules), tr("It works."))
