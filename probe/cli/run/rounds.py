"""Say what was the same in all rounds of `--repeat`, and what changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probe.cli.found_words import INVALID, ORDER, found_words, state_of
from probe.cli.screen import wrapped
from probe.messages import listed, tr, tr_plural
from probe.targets.titles import shown_title

States = dict[str, Counter[str]]
"""How often each service had each state."""


def round_lines(records: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of what was stable, in 80 columns. `titles` has the title of each target by its name."""
    states, targets = States(), dict[str, str]()
    for record in records:
        service = str(record.get("service"))
        states.setdefault(service, Counter())[state_of(record)] += 1
        targets[service] = str(record.get("target"))
    rounds = max((found.total() for found in states.values()), default=0)
    if rounds < 2:
        return
    yield tr_plural("What {count} round found:", "What {count} rounds found:", rounds)
    stable = {name: next(iter(found)) for name, found in states.items() if len(found) == 1 and found.total() == rounds}
    for state in (*ORDER, *sorted(set(stable.values()) - set(ORDER))):
        if alike := [name for name, found in stable.items() if found == state]:
            shown = listed(_named(alike, targets, titles))
            yield wrapped(tr("{state}: {services}", state=_in_all_rounds(state), services=shown), 4, "  ")
    for name in (name for name in states if name not in stable):
        found = {state: states[name][state] for state in (*ORDER, *states[name]) if states[name][state]}
        counts = tr("{service} changed: {counts}", service=name, counts=found_words(found))
        yield wrapped(counts, 4, "  ")
        if (missing := rounds - states[name].total()) > 0:
            yield wrapped(
                tr_plural("It was not measured in {count} round.", "It was not measured in {count} rounds.", missing), 4
            )


def _named(services: Iterable[str], targets: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield each target with its services of one state: `WhatsApp (chat, media)`."""
    roles: dict[str, list[str]] = {}
    for service in services:
        target = targets[service]
        roles.setdefault(target, []).append(service.removeprefix(f"{target}/").replace("_", " "))
    for target, names in roles.items():
        title = shown_title(titles.get(target, target))
        yield title if "://" in target else tr("{app} ({services})", app=title, services=listed(names))


def _in_all_rounds(state: str) -> str:
    words = {
        "blocked": tr("Blocked in all rounds"),
        "likely_blocked": tr("Likely blocked in all rounds"),
        "degraded": tr("Working badly in all rounds"),
        "impaired": tr("Not working in all rounds, cause unclear"),
        "down": tr("Not working in all rounds, no sign of blocking"),
        "ok": tr("Working in all rounds"),
        "insufficient": tr("Not tested enough in all rounds"),
        INVALID: tr("Not usable in all rounds"),
    }
    return words.get(state, state)
