"""Show the result of a run, the earlier runs, and what differs between two of them."""

from functools import partial
from urllib.parse import urlencode

from aiohttp import web

from probe.messages import tr, tr_plural
from probe.run_page.page import run_content
from probe.ui.commands import Refused
from probe.ui.differences import differences
from probe.ui.interface import Interface
from probe.ui.pages import page

USUAL = 10  # runs on the page
MOST_DIGITS = 6


async def result(interface: Interface, request: web.Request) -> web.Response:
    """Show the result of one run, as `probe show --html` does."""
    name = request.query.get("run", "")
    run = await interface.known(name)

    def content() -> str:
        return run_content(interface.commands.run_facts(run))

    words = {
        "share": tr("Hand over this run"),
        "history": tr("Compare it with an earlier run"),
        "again": tr("Measure again"),
        "file": tr("Results file"),
    }
    return page(
        interface,
        "result",
        tr("What this run found"),
        content=await interface.compute(content),
        share="share?" + urlencode({"run": name}),
        path=str(run),
        unfinished=tr("This run was interrupted, or is still going on.") if run.name.endswith(".part") else "",
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
        raise Refused(tr("Choose two different runs."))
    runs = [await interface.known(name) for name in names]
    before, after = [await interface.compute(partial(interface.commands.run_facts, run)) for run in runs]
    return page(
        interface,
        "difference",
        tr("What changed between two runs"),
        changes=await interface.compute(partial(differences, before, after)),
        runs=[("result?" + urlencode({"run": name}), line) for name, line in await interface.lines(runs)],
        labels={
            "app": tr("App"),
            "before": tr("First run"),
            "after": tr("Second run"),
            "changed": tr("These apps have another state:"),
            "same": tr("All apps have the same state in both runs."),
            "caution": tr("One difference between two runs can be chance. Measure again to be sure."),
            "networks": tr("The runs were made on different networks. The difference can come from that."),
            "history": tr("Back to the earlier runs"),
        },
        other_network=_network(before.records) != _network(after.records),
    )


def _network(records: list[dict[str, object]]) -> tuple[object, object]:
    first = records[0] if records else {}
    return first.get("probe_cc"), first.get("probe_asn")


def _history_words() -> dict[str, str]:
    return {
        "none": tr("There are no runs yet."),
        "start": tr("Measure this network"),
        "time": tr("Time"),
        "network": tr("Network"),
        "found": tr("Found"),
        "before": tr("First run"),
        "after": tr("Second run"),
        "compare": tr("Compare the two chosen runs"),
        "open": tr("Show"),
    }
