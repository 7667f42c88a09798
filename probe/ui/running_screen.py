"""Show the run that goes on, and how it ended. Stop it."""

from typing import Any

from aiohttp import web

from probe.messages import tr
from probe.platforms.signals import INTERRUPTED
from probe.ui.interface import Interface
from probe.ui.measuring_run import MeasuringRun
from probe.ui.screens import page, see

NO_NETWORK = 4  # exit code


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show the run with all findings so far. A complete run leads to its result."""
    run = interface.run
    if run is None:
        return see("./")
    if run.code == 0 and run.saved is not None:
        return see(result_of(interface, run))
    return page(
        interface,
        "running",
        _title(run),
        run=run,
        items=[item_of(item) for item in run.items],
        result=result_of(interface, run) if run.saved is not None else "",
        outcome=_outcome(run),
        labels=_labels(),
    )


async def stop(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Stop the run. What was measured is kept."""
    if interface.run is not None:
        interface.run.stop()
    return see("running")


def result_of(interface: Interface, run: MeasuringRun) -> str:
    from urllib.parse import urlencode

    assert run.saved is not None
    return "result?" + urlencode({"run": interface.name_of(run.saved)})


def item_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return a note or a finding as the page shows it. A finding has the worst state of its services."""
    if event["event"] == "stopping":
        return {"kind": "note", "state": "", "text": tr("Stopping. What is under way ends, and nothing new starts.")}
    state = next(iter(event.get("states") or {}), "")
    return {"kind": "finding" if event["event"] == "finding" else "note", "state": state, "text": event["text"]}


def _title(run: MeasuringRun) -> str:
    if not run.ended:
        return tr("The measurement runs")
    return tr("The run was stopped") if run.stopped else tr("The run has ended")


def _outcome(run: MeasuringRun) -> list[str]:
    """Return how a run ended that has no complete result, and what to do."""
    if not run.ended:
        return []
    kept = tr("What was measured before that is kept.") if run.saved else tr("Nothing was kept.")
    if run.stopped or run.code == INTERRUPTED:
        return [kept, *run.problems]
    if run.code == NO_NETWORK:
        return [tr("This network cannot be measured now. The reason stands above."), *run.problems]
    return [*run.problems, tr("The run ended with exit code {code}.", code=run.code), kept]


def _labels() -> dict[str, str]:
    return {
        "progress": tr("Progress"),
        "begins": tr("The run begins"),
        "findings": tr("What was found so far"),
        "none": tr("There are no findings yet. The first ones come after some seconds."),
        "notes": tr("About this network"),
        "stop": tr("Stop, and keep what is measured"),
        "again": tr("Stop at once"),
        "goes_on": tr("The run goes on if you close this page. Open the same address again to see it."),
        "lost": tr("There is no connection to the program. If you ended it, close this page."),
        "reload": tr("Load this page again"),
        "result": tr("Show the result"),
        "start": tr("Measure again"),
    }
