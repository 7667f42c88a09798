"""Compare the answers of two public helpers, which strangers run. Where they contradict each other, neither counts."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any

from probe.control.merged_answers import Answer, Table, tables
from probe.formats import failures as f
from probe.formats.keys import LISTS
from probe.formats.plain_json import places_of_entries

SECOND_OPINION = 5.0  # seconds that the faster helper's answer waits for the other
CONTRADICTED = "contradicted"  # key of x_control: endpoints and names on which the helpers disagree

Subject = tuple[str, str]
"""An endpoint and an address, or a host name and "" for a lookup."""


async def in_time(asked: Iterable[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """Return the answers in order. The slower helper has some seconds after a usable answer of the other."""
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        waiting = set(tasks)
        while waiting and not any(_is_usable(task.result()) for task in tasks if task.done()):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waiting:
            await asyncio.wait(waiting, timeout=SECOND_OPINION)
        return [task.result() if task.done() else {"failure": f.TIMEOUT} for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_usable(answer: Answer) -> bool:
    return answer.get("failure") is None


def agreed(answers: Sequence[Answer]) -> Answer:
    """Return the first usable answer without the attempts that the next one contradicts, else the last failure.

    An attempt is contradicted if it passed at one helper and failed at the other, at the same address. A lookup is if
    one helper got addresses and the other was told that there are none.
    """
    usable = [answer for answer in answers if _is_usable(answer)]
    if not usable:
        return answers[-1]
    mine, others = _outcomes(usable[0]), _outcomes(usable[-1])
    wrong = {subject for subject, passed in mine.items() if others.get(subject, passed) is not passed}
    if wrong:
        _remove(usable[0]["test_keys"], wrong)
        usable[0][CONTRADICTED] = sorted({about for about, _ in wrong})
    return usable[0]


def _remove(keys: Table, wrong: set[Subject]) -> None:
    """Remove the transactions about these subjects, and their entries."""
    gone = {each.get("transaction_id") for each in tables(keys.get("x_transactions")) if _subject(each) in wrong}
    keys["x_transactions"] = [one for one in tables(keys["x_transactions"]) if one.get("transaction_id") not in gone]
    for place in places_of_entries(keys):
        for name in LISTS:
            place[name] = [entry for entry in tables(place.get(name)) if entry.get("transaction_id") not in gone]


def _outcomes(answer: Answer) -> dict[Subject, bool]:
    keys = answer.get("test_keys")
    return dict(_each_outcome(keys if isinstance(keys, dict) else {}))


def _each_outcome(keys: Table) -> Iterator[tuple[Subject, bool]]:
    for record in tables(keys.get("x_transactions")):
        yield _subject(record), record.get("failure") is None


def _subject(record: dict[str, Any]) -> Subject:
    if record.get("kind") == "lookup":
        return str(record.get("hostname")), ""
    return str(record.get("endpoint")), str(record.get("address"))
