"""Make the sentences about a whole run: its origin, why it cannot be used, what else was in its file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from probe.analysis.run_result.app_words import AppState
from probe.analysis.run_result.unfinished_runs import is_explained_by_missing_tests
from probe.formats.origin import Origin
from probe.messages import listed, printable, tr, tr_plural
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.analysis.verdicts.app_verdicts import AppVerdict
    from probe.analysis.verdicts.network_regimes import RegimeVerdict

FEWEST_ALIKE = 2  # apps about which one sentence on the network is enough
NOT_WORKING = frozenset({"blocked", "likely_blocked", "degraded", "filtered_locally", "impaired"})


def origin_header(origin: Origin) -> str:
    if origin.lab:
        return tr("LAB {scenario}: emulated, nothing left this computer", scenario=origin.lab)
    return tr("SYNTHETIC {world}: invented by a program, no network was measured", world=origin.synthetic)


def latest_rounds(apps: "Iterable[AppVerdict]") -> "list[AppVerdict]":
    """Return the verdicts of the last round of each app. Measurements without a run, which are OONI's, are all kept."""
    return list({(app["run_id"], app["app"], 0 if app["run_id"] else n): app for n, app in enumerate(apps)}.values())


def reasons(apps: "Iterable[AppVerdict]") -> list[str]:
    """Return the sentence for each reason of an invalid measurement, once."""
    return list(dict.fromkeys(app["sentence"] for app in apps if not app["valid"]))


def apps_without_result(apps: Sequence[AppState]) -> str:
    """Return the sentence that names the apps of a run that cannot be used."""
    names = listed(printable(shown_title(app["title"])) for app in apps)
    return tr_plural(
        "{count} app has no result: {names}", "{count} apps have no result: {names}", len(apps), names=names
    )


def round_sentences(apps: "Sequence[AppVerdict]", latest: "Sequence[AppVerdict]") -> Iterator[str]:
    """Yield which round is shown, and which apps had another state in an earlier one."""
    rounds = max((app["round"] for app in apps), default=1)
    if rounds == 1:
        return
    last = {app["app"]: app for app in latest}
    others = [app for app in apps if app["state"] != last[app["app"]]["state"]]
    known = [app for app in others if not is_explained_by_missing_tests(app, last[app["app"]], ("", ""))]
    changed = list(dict.fromkeys(shown_title(app["title"]) for app in known))
    yield tr("These are the states of round {number}, the last one.", number=rounds)
    if changed:
        yield tr("In an earlier round these had another state: {names}", names=listed(changed))


def rules_of_network(regime: "RegimeVerdict | None", apps: Sequence[AppState]) -> str:
    """Return the sentences about a network that stops most connections alike, "" for other networks.

    They replace the list of apps that fail alike. A single app has its own sentence.
    """
    from probe.analysis.rules.regime_rules import WITHOUT_LISTS  # here, so that other commands start faster
    from probe.analysis.ruleset.tables import RULES

    if regime is None or sum(app["state"] in NOT_WORKING for app in apps) < FEWEST_ALIKE:
        return ""
    holding = [each["rule_id"] for each in regime["regimes"] if each["regime"] in WITHOUT_LISTS]
    return " ".join(tr(RULES[rule_id].plain) for rule_id in holding)


def further_rules(regime: "RegimeVerdict | None") -> list[str]:
    """Return the sentences about regimes for which no sentence on the screen stands: UDP, QUIC and the like."""
    from probe.analysis.rules.regime_rules import RESTRICTIONS  # here, so that other commands start faster
    from probe.analysis.ruleset.tables import RULES

    holding = regime["regimes"] if regime is not None else []
    shown = [each["rule_id"] for each in holding if each["regime"] in RESTRICTIONS]
    return [tr(RULES[rule_id].plain) for rule_id in shown]


def outage_of(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence about services whose part of the Internet is not reachable, "" if there are none."""
    count = _in_outage(records)
    return _outage_sentence(count) if count else ""


def _in_outage(records: Iterable[Mapping[str, Any]]) -> int:
    """Return how many services have an endpoint that was silent like a neutral host."""
    from probe.analysis.ruleset.address_rules import OUTAGE  # here, so that other commands start faster

    valid = (record for record in records if record.get("valid", True))
    return sum(any(part.get("rule_id") == OUTAGE for part in record.get("endpoints") or ()) for record in valid)


def _outage_sentence(count: int) -> str:
    return tr_plural(
        "A part of the Internet is not reachable from this network. {count} service needs that part, and no service "
        "is accused for it. Run the test again later.",
        "A part of the Internet is not reachable from this network. {count} services need that part, and no service "
        "is accused for it. Run the test again later.",
        count,
    )
