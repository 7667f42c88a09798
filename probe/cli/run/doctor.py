"""`probe doctor`: the preflight in words, each finding with what to do about it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.findings import Finding, findings
from probe.cli.run.request import RunRequest, control_urls
from probe.cli.screen import say, wrapped

app = new_app()


@app.command()
def doctor(
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    control: Annotated[str | None, opt("--control", help="URL of a test helper, or several: do they answer?")] = None,
    consent: Annotated[str | None, opt("--consent", help="Version of the consent text that you agree to.")] = None,
    json: Annotated[bool, opt("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Say whether this network is fit to measure from.

    Contacts neutral hosts and resolvers only, never a service that is measured.
    """
    import asyncio

    from probe.cli.run import consent as agreement
    from probe.cli.run.running import open_session
    from probe.run.runner import usable

    wishes = _wishes(targets_folder(targets), control_urls(control, None))
    session, roots = open_session(wishes)
    agreement.require(consent, wishes.targets)
    health = asyncio.run(_examine(session, roots))
    facts = session.preflight
    found = findings(facts)
    found += [_helper_finding(url, failure) for url, failure in health.items()]
    _print(found, facts, json)
    raise typer.Exit(0 if usable(facts) else 4)


def _wishes(folder: Path, control: tuple[str, ...]) -> RunRequest:
    both = frozenset({4, 6})
    return RunRequest(
        (), folder, None, None, control, None, None, 1, "standard", None, None, None, False, False, both, True, False
    )


async def _examine(session: Any, roots: Any) -> dict[str, str | None]:
    """Run the preflight and ask each helper for its health; returns its failure or None, by URL."""
    from probe.control import health
    from probe.run.preflight import preflight

    try:
        await preflight(session, roots)
        pin = session.settings.control_pin
        return {url: await health(url, roots=roots, pin=pin) for url in session.settings.control}
    finally:
        await session.close()


def _helper_finding(url: str, failure: str | None) -> Finding:
    if failure is None:
        return Finding("test helper", "fine", f"{url} answers")
    return Finding("test helper", "note", f"{url} does not answer ({failure}); check the URL, or name another")


def _print(found: list[Finding], facts: Mapping[str, Any], json: bool) -> None:
    if json:
        from json import dumps

        rows = [{"subject": row.subject, "state": row.state, "sentence": row.sentence} for row in found]
        print(dumps({"findings": rows, "preflight": facts}, sort_keys=True))
        return
    for row in found:
        say(sys.stdout, wrapped(row.sentence, 21, f"  {row.state:<5} {row.subject:<13}"))
    worst = "bad" if any(row.state == "bad" for row in found) else "fine"
    say(sys.stdout)
    say(sys.stdout, "Not fit to measure from." if worst == "bad" else "Fit to measure from: `probe run`.")
