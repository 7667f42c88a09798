"""Make measurements of an invented world: app stores of three countries, and networks of these countries.

The store server is that of `tests.support.servers.app_store`. The runs are recordings of the lab. The codes of the
countries are for private use (ISO 3166-1).
"""

import asyncio
import gzip
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.listings.answers import answers_of, runs_of
from probe.analysis.listings.joined import joined, newest_listings
from probe.analysis.listings.listing_records import Listed
from probe.analysis.listings.measured import networks_measured
from probe.analysis.report.page.page_data import page_data
from probe.analysis.report.page.render import render
from probe.analysis.verdicts.verdict_row import rows_of_each
from probe.formats.measurement import ooni_date
from probe.http_client.foreign_servers import GZIP, open_foreign
from probe.stores.store_client import StoreClient
from probe.stores.store_listing import measure, storefronts_of
from probe.targets.store_file import Stores, load_stores
from probe.targets.target_files import bundled_targets
from tests.support.measurements.recorded_runs import RECORDED
from tests.support.servers.app_store import FakeStore, serving

SIGNAL, TELEGRAM = 874139669, 686449807
COUNTRIES = {"XA": "great-firewall", "XB": "clean", "XC": "allowlist-address"}
"""Recording of the runs in each country."""
START = datetime(2026, 11, 20, tzinfo=UTC)
Measurements = list[dict[str, Any]]
MARK = {"lab": "store_world"}


def networks(day: str = "2026-11-24") -> Measurements:
    return [line for cc, name in COUNTRIES.items() for line in _run(name, cc, day)]


def _run(name: str, cc: str, day: str) -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            run = line["test_keys"]["x_run"] | {"run_id": f"{name} {cc}"}
            keys, start = line["test_keys"] | {"x_run": run}, f"{day} 13:00:00"
            yield line | {"probe_cc": cc, "measurement_start_time": start, "annotations": MARK, "test_keys": keys}


def store_answers(changes: Iterable[tuple[float, Callable[[FakeStore], None]]]) -> Measurements:
    """Return the measurements of stores after each change, at these hours since START."""
    stores = load_stores(bundled_targets())
    with serving(FakeStore({app.id: app.bundle for app in (*stores.basket, *stores.apps)})) as store:
        at_server = replace(stores, lookup=store.lookup, page=store.page)
        found: Measurements = []
        for number, (hour, change) in enumerate(changes):
            change(store)
            time = ooni_date(START + timedelta(hours=hour))
            found += [
                document | {"measurement_start_time": time}
                for document in _in_thread(_measured(at_server, f"run{number}"))
            ]
    return found


def _in_thread(measuring: Coroutine[Any, Any, Measurements]) -> Measurements:
    """Run a coroutine in a thread of its own, since a browser's event loop may run in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, measuring).result()


async def _measured(stores: Stores, run_id: str) -> Measurements:
    asked = storefronts_of(stores, [cc.lower() for cc in COUNTRIES])
    async with open_foreign(aiohttp.TCPConnector(), packing=GZIP) as servers:
        made = measure(
            StoreClient(servers, interval=0.0, rest=0.0),
            stores,
            {"apple": asked},
            run_id=run_id,
            country="XX",
            annotations=MARK,
        )
        return [document async for document in made]


def removals() -> Measurements:
    """Return answers in which Telegram disappears from XA, Signal never was in XA and XB, and XC answers nothing."""

    def before(store: FakeStore) -> None:
        store.missing = {"xa": {SIGNAL}, "xb": {SIGNAL}}
        store.silent = {"xc"}

    def after(store: FakeStore) -> None:
        store.missing["xa"] = {SIGNAL, TELEGRAM}

    return store_answers([(0, before), (12, after), (16, after), (20, after)])


def listings(answers: Measurements, *, lab: bool = True) -> list[Listed]:
    """Return the newest states that the answers give."""
    found = (answers_of(line, "stores.jsonl", number) for number, line in enumerate(answers, 1))
    return newest_listings(runs_of(one for one in found if one is not None), lab=lab)


def page_of() -> str:
    """Return the page of `probe compare --stores` about this world."""
    verdicts = VerdictTable.of_rows(rows_of_each(("a.jsonl", n, line) for n, line in enumerate(networks(), 1)))
    question = Question(by=("cc",), lab=True)
    comparison = compare(verdicts, question)
    rows = joined(listings(removals()), networks_measured(verdicts, question))
    return render(page_data(verdicts, comparison, ["a.jsonl"], stores=rows))


def written(path: Path, measurements: Measurements) -> Path:
    """Write measurements to a results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in measurements), encoding="utf-8")
    return path
