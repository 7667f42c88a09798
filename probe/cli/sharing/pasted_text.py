"""Write the text of at most 280 characters that a user pastes into a message, with the states of a run's apps."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from probe import __version__
from probe.analysis.run_result.app_words import INVALID as INVALID_WORD
from probe.analysis.run_result.app_words import STATES
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.verdicts.apps import judge_apps
from probe.messages import listed, tr, tr_plural
from probe.sharing import Outgoing
from probe.targets.titles import shown_title

LONGEST = 280  # characters, of which wide ones count twice, as they do for some services
LONGEST_TITLE = 30
DIGEST = 16  # digits of the digest, which are also the name of the file
INVALID = "invalid"
ORDER = (*STATES, INVALID)  # the first one that an app has in any round is named
WEB = "://"  # in the name of an app that is a web address


def pasted_text(outgoing: Outgoing, records: Iterable[Mapping[str, Any]], targets: Targets) -> str:
    """Return the text: version, network, date, the states of apps, digest. It has no address and no path."""
    titles = titles_by_state(records, targets)
    named = [state for state in ORDER if state in titles]
    for named_states in (named, [state for state in named if state != "ok"], named[:2], named[:1], []):
        text = "\n".join([*_head(outgoing), *_states(titles, named_states), _tail(outgoing)])
        if _length(text) <= LONGEST:
            return text
    return "\n".join([*_head(outgoing), _tail(outgoing)])


def titles_by_state(records: Iterable[Mapping[str, Any]], targets: Targets) -> dict[str, list[str]]:
    """Return the titles of the apps by state. Web addresses are counted and not named."""
    ranks, titles = dict[str, int](), dict[str, str]()
    for app in judge_apps(records, targets):
        name, rank = app["app"], ORDER.index(app["state"] or INVALID)
        ranks[name], titles[name] = min(rank, ranks.get(name, rank)), shown_title(app["title"])
    found: dict[str, list[str]] = {}
    web = Counter(ORDER[rank] for name, rank in ranks.items() if WEB in name)
    for name, rank in ranks.items():
        if WEB not in name:
            found.setdefault(ORDER[rank], []).append(titles[name][:LONGEST_TITLE])
    for state, count in web.items():
        found.setdefault(state, []).append(tr_plural("{count} web address", "{count} web addresses", count))
    return found


def _head(outgoing: Outgoing) -> list[str]:
    point = outgoing.first
    made = point.origin.lab or point.origin.synthetic
    words = [tr("NOT REAL ({name})", name=made[:LONGEST_TITLE])] if made else []
    network = tr(
        "censorprobe {version} · {country} {network} · {day}",
        version=__version__,
        country=point.cc,
        network=point.asn,
        day=point.day,
    )
    return [*words, network]


def _states(titles: Mapping[str, Sequence[str]], named: Sequence[str]) -> list[str]:
    """Return a line for each state, with the titles of the apps or with their number."""
    return [
        tr(
            "{state}: {apps}",
            state=tr(INVALID_WORD if state == INVALID else STATES[state]),
            apps=listed(sorted(titles[state])) if state in named else len(titles[state]),
        )
        for state in ORDER
        if state in titles
    ]


def _tail(outgoing: Outgoing) -> str:
    return f"sha256 {outgoing.manifest.sha256[:DIGEST]}"


def _length(text: str) -> int:
    return max(len(text), sum(map(cell_len, text.split("\n"))) + text.count("\n"))
