"""Run the preflight and print its findings (`probe doctor`)."""

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.findings import Finding, findings, helper_finding
from probe.cli.run.request import RunRequest, control_urls
from probe.cli.screen import say, wrapped
from probe.messages import in_english, mark, tr
from probe.messages.cells import padded, widest

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
    from probe.cli.run import consent as agreement
    from probe.cli.run.extras import missing_extras
    from probe.cli.run.preparation import open_session, pick
    from probe.platforms import event_loop
    from probe.run.network.check_results import usable
    from probe.signatures.unfit_networks import unfit_for_targets

    request = _request(targets_folder(targets), control_urls(control, None))
    known, _ = pick(request)
    session, roots = open_session(request)
    agreement.require(consent, request.targets)
    health = event_loop.run(_examine(session, roots))
    facts = session.preflight
    with in_english() if json else nullcontext():
        found = findings(facts)
        found += [helper_finding(url, failure) for url, failure in health.items()]
        found += [Finding(tr("program"), "note", missing) for missing in missing_extras(known, "deep")]
    _print(found, facts, json)
    fit = usable(facts) and unfit_for_targets(facts) is None and not any(health.values())
    raise typer.Exit(0 if fit else 4)


def _request(folder: Path, control: tuple[str, ...]) -> RunRequest:
    both = frozenset({4, 6})
    return RunRequest(
        (), folder, None, None, control, None, None, 1, "standard", None, None, None, False, False, both, True, False
    )


async def _examine(session: Any, roots: Any) -> dict[str, str | None]:
    """Run the preflight and check each helper. Return its failure or None, by URL."""
    from probe.control import health
    from probe.run.network.preflight import preflight

    try:
        await preflight(session, roots)
        pin, sizes = session.settings.control_pin, session.pace.segment_sizes
        urls = session.settings.control
        return {url: await health(url, roots=roots, pin=pin, segment_sizes=sizes) for url in urls}
    finally:
        await session.close()


def _print(found: list[Finding], facts: Mapping[str, Any], json: bool) -> None:
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


def _print_rows(found: list[Finding]) -> None:
    """Print the findings in three columns: state, subject, sentence."""
    rows = [(tr(STATES[row.state]), row.subject, row.sentence) for row in found]
    states, subjects = widest(state for state, _, _ in rows), max(widest(subject for _, subject, _ in rows), 12)
    for state, subject, sentence in rows:
        begin = f"  {padded(state, states + 1)} {padded(subject, subjects + 1)}"
        say(sys.stdout, wrapped(sentence, states + subjects + 5, begin))
