"""Show the result of a run, the earlier runs, and what differs between two of them."""

from functools import partial
from urllib.parse import urlencode

from aiohttp import web

from probe.analysis.run_result.run_differences import (
    CAUTION,
    CHANGED,
    FIRST,
    NETWORKS,
    SECOND,
    are_on_other_networks,
    differences,
    missing,
    no_differences,
)
from probe.messages import tr, tr_plural
from probe.run_page.run_page import run_content
from probe.ui.commands import CommandRefused
from probe.ui.interface import Interface
from probe.ui.screens import page

USUAL = 10  # runs on the page
MOST_DIGITS = 6


async def result(interface: Interface, request: web.Request) -> web.Response:
    """Show the result of one run, as `probe show --html` does."""
    name = request.query.get("run", "")
    run = await interface.known(name)

    facts = await interface.compute(partial(interface.commands.run_facts, run))
    words = {
        "share": tr("Hand over this run"),
        "publish": tr("Publish this run"),
        "history": tr("Compare it with an earlier run"),
        "again": tr("Measure again"),
        "file": tr("Results file"),
    }
    return page(
        interface,
        "result",
        tr("What this run found"),
        content=await interface.compute(partial(run_content, facts)),
        run="" if facts.origin.artificial else urlencode({"run": name}),
        path=str(run),
        labels=words,
    )


async def history(interface: Interface, request: web.Request) -> web.Response:
    """Show earlier runs, the newest first, with two columns to choose runs that are compared."""
    runs = await interface.compute(interface.commands.runs)
    given = request.query.get("most", "")
    most = int(given) if given.isascii() and given.isdigit() and len(given) <= MOST_DIGITS else USUAL
    shown = await interface.lines(runs[:most])
    older = len(runs) - len(shown)
    return page(
        interface,
        "history",
        tr("Earlier runs"),
        runs=[(name, "result?" + urlencode({"run": name}), line) for name, line in shown],
        more=tr_plural("Show {count} older run too", "Show {count} older runs too", older) if older else "",
        all_runs=len(runs),
        labels=_history_words(),
    )


async def difference(interface: Interface, request: web.Request) -> web.Response:
    """Show which app has another state in the newer of two runs."""
    names = [request.query.get("before", ""), request.query.get("after", "")]
    if names[0] == names[1]:
        raise CommandRefused(tr("Choose two different runs."))
    runs = [await interface.known(name) for name in names]
    before, after = [await interface.compute(partial(interface.commands.run_facts, run)) for run in runs]
    return page(
        interface,
        "difference",
        tr("What changed between two runs"),
        missing=await interface.compute(partial(missing, before, after)),
        changes=await interface.compute(partial(differences, before, after)),
        runs=[("result?" + urlencode({"run": name}), line) for name, line in await interface.lines(runs)],
        labels={
            "app": tr("App"),
            "before": tr(FIRST),
            "after": tr(SECOND),
            "changed": tr(CHANGED),
            "same": await interface.compute(partial(no_differences, before, after)),
            "caution": tr(CAUTION),
            "networks": tr(NETWORKS),
            "history": tr("Back to the earlier runs"),
        },
        other_network=are_on_other_networks(before, after),
    )


def _history_words() -> dict[str, str]:
    return {
        "none": tr("There are no runs yet."),
        "start": tr("Measure this network"),
        "time": tr("Time"),
        "network": tr("Network"),
        "found": tr("Found"),
        "before": tr(FIRST),
        "after": tr(SECOND),
        "compare": tr("Compare the two chosen runs"),
        "open": tr("Show"),
    }
