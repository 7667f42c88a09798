"""Run the preflight and print its findings (`probe doctor`)."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.findings import (
    NetworkFinding,
    findings,
    helper_finding,
    own_routes_finding,
    own_side_findings,
    ports_finding,
)
from probe.cli.run.run_request import RunRequest, control_urls
from probe.cli.screen import say, wrapped
from probe.formats.ooni_helper import OF_OONI
from probe.messages import in_english, mark, tr
from probe.messages.terminal_cells import padded, widest
from probe.targets.target import Target

PORTS = (465, 587, 993)  # of mail programs (RFC 8314)
STATES = {"fine": mark("fine"), "note": mark("note"), "bad": mark("bad")}

app = new_app()


@app.command()
def doctor(
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    control: Annotated[
        str | None, opt("--control", help="URL of a test helper, or several. Check that they answer.")
    ] = None,
    consent: Annotated[str | None, opt("--consent", help="Version of the consent text that you agree to.")] = None,
    json: Annotated[bool, opt("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Check whether this network is fit to measure from.

    It contacts only neutral hosts and resolvers, never a measured service.
    """
    from probe.cli.run.preparation import open_with_consent, pick
    from probe.platforms import event_loop
    from probe.run.network.check_results import usable
    from probe.signatures.unfit_networks import unfit_for_targets

    request = _request(targets_folder(targets), control_urls(control, None), consent)
    known, _ = pick(request)
    _, session, roots = open_with_consent(request)
    examined = event_loop.run(_examine(session, roots))
    health, facts = examined.health, session.preflight
    with in_english() if json else nullcontext():
        found = _found(known, session, examined)
    _print(found, facts, json)
    answering = all(failure in {None, OF_OONI} for failure in health.values())
    fit = usable(facts) and unfit_for_targets(facts) is None and answering
    raise typer.Exit(0 if fit else 4)


def _found(known: Sequence[Target], session: Any, examined: "_Examined") -> list[NetworkFinding]:
    """Return every finding. What the own side shows replaces what the preflight says about the same subject."""
    from probe.cli.run.extras import missing_extras
    from probe.cli.run.own_network import changes_finding, long_datagrams_finding, own_network_findings
    from probe.run.network.long_datagrams import LONG

    facts = session.preflight
    hosts = (endpoint.host for target in known for _, endpoint in target.endpoints() if not endpoint.is_literal)
    own = own_side_findings(hosts, session.name_filter)
    found = [one for one in findings(facts) if one.subject not in {each.subject for each in own}] + own
    found += ports_finding([each for connects in session.port_connects.values() for each in connects])
    found.append(own_routes_finding(known))
    found += long_datagrams_finding(examined.long_datagrams, LONG)
    found += own_network_findings(known, facts.get("vpn")) + changes_finding(examined.changes)
    found += [helper_finding(url, failure) for url, failure in examined.health.items()]
    return found + [NetworkFinding(tr("program"), "note", missing) for missing in missing_extras(known, "deep")]


def _request(folder: Path, control: tuple[str, ...], consent: str | None) -> RunRequest:
    both = frozenset({4, 6})
    return RunRequest(
        (), folder, None, None, control, None, consent, 1, "standard", None, None, None, False, False, both, True, False
    )


@dataclass(frozen=True)
class _Examined:
    """Hold what was found beside the preflight. `health` has each helper's failure or None, by URL."""

    health: dict[str, str | None]
    long_datagrams: bool | None  # they arrive, None if unknown
    changes: list[Any]


async def _examine(session: Any, roots: Any) -> _Examined:
    """Run the preflight, check names, ports and long datagrams beside each other, then each helper."""
    import asyncio

    from probe.connectivity.port_checks import check_port
    from probe.control import health
    from probe.resolution.filter_checks import check_name_filter
    from probe.run.network.long_datagrams import long_datagrams_pass
    from probe.run.network.network_changes import NetworkChanges
    from probe.run.network.preflight import preflight

    changes, long_datagrams = NetworkChanges(session.public_addresses()), None
    try:
        await preflight(session, roots)
        if session.preflight.get("network") is not False:
            ports = (check_port(session, port) for port in PORTS)
            long_datagrams, *_ = await asyncio.gather(long_datagrams_pass(session), check_name_filter(session), *ports)
        pin, sizes = session.settings.control_pin, session.pace.segment_sizes
        urls = session.settings.control
        found = {url: await health(url, roots=roots, pin=pin, segment_sizes=sizes) for url in urls}
        return _Examined(found, long_datagrams, changes.look())
    finally:
        await session.close()


def _print(found: list[NetworkFinding], facts: Mapping[str, Any], json: bool) -> None:
    if json:
        from json import dumps

        rows = [{"subject": row.subject, "state": row.state, "sentence": row.sentence} for row in found]
        print(dumps({"findings": rows, "preflight": facts}, sort_keys=True))
        return
    bad = {row.subject for row in found if row.state == "bad"}
    _print_rows(found)
    say(sys.stdout)
    if bad == {tr("test helper")}:
        sentence = tr(
            "This network is fit to measure from, but a test helper does not answer. Start it, or name another."
        )
        say(sys.stdout, wrapped(sentence))
    elif bad:
        sentence = tr(
            "This network is not fit to measure from. Mend what is marked {bad}, then try again.", bad=tr(STATES["bad"])
        )
        say(sys.stdout, wrapped(sentence))
    else:
        say(sys.stdout, tr("This network is fit to measure from. Start with `probe run`."))


def _print_rows(found: list[NetworkFinding]) -> None:
    """Print the findings in three columns: state, subject, sentence."""
    rows = [(tr(STATES[row.state]), row.subject, row.sentence) for row in found]
    states, subjects = widest(state for state, _, _ in rows), max(widest(subject for _, subject, _ in rows), 12)
    for state, subject, sentence in rows:
        begin = f"  {padded(state, states + 1)} {padded(subject, subjects + 1)}"
        say(sys.stdout, wrapped(sentence, states + subjects + 5, begin))
