"""Read the answers of app stores from measurements. The measurements are untrusted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from probe.analysis.observations.lenient_json import flag, table, tables, text, texts
from probe.formats.measurement import DATE_FORMAT
from probe.formats.origin import Origin, origin_of
from probe.formats.store_keys import NETTEST


class Key(NamedTuple):
    """Identify an app in a storefront, over all runs."""

    store: str
    storefront: str
    id: str
    bundle: str


@dataclass(frozen=True)
class Entry:
    """Hold what a storefront says about one app. Without an answer about it, `answered` and `listed` are False."""

    key: Key
    app: str
    title: str
    target: str
    answered: bool
    listed: bool
    same_bundle: bool
    version: str
    released: str


@dataclass(frozen=True)
class Answers:
    """Hold the answers of one storefront in one run, and where the measurement is."""

    store: str
    storefront: str
    run_id: str
    began: datetime
    origin: Origin
    country: str
    weak: bool
    answered: bool
    right_storefront: bool
    basket_size: int
    basket_listed: int
    controls: frozenset[str]
    entries: tuple[Entry, ...]
    failure: str
    file: str
    line: int

    @property
    def usable(self) -> bool:
        """Return whether an app that is not in the answer is absent."""
        whole = 0 < self.basket_size == self.basket_listed
        return self.answered and self.right_storefront and whole


@dataclass
class Run:
    """Hold the answers of one run, by store and storefront."""

    answers: dict[tuple[str, str], Answers] = field(default_factory=dict)

    @property
    def began(self) -> datetime:
        """Return the time of the first answer."""
        return min(one.began for one in self.answers.values())

    @property
    def origins(self) -> set[Origin]:
        """Return the origins of the answers. A run has one."""
        return {one.origin for one in self.answers.values()}

    @property
    def ids(self) -> set[str]:
        """Return the ids in the answers. A run has one."""
        return {one.run_id for one in self.answers.values()}

    def controls_listing(self, of: Answers, entry: Entry) -> int:
        """Return in how many other control storefronts of the run the app is listed with the same bundle id."""
        others = (
            self.answers[of.store, control]
            for control in of.controls - {of.storefront}
            if (of.store, control) in self.answers
        )
        return sum(_lists(other, entry) for other in others)


def answers_of(measurement: Mapping[str, Any], file: str = "-", line: int = 0) -> Answers | None:
    """Return the answers in a measurement, None if it is of another nettest or has no usable time."""
    keys, began = table(measurement.get("test_keys")), _moment(measurement.get("measurement_start_time"))
    store, storefront = text(keys.get("store")), text(keys.get("storefront"))
    if measurement.get("test_name") != NETTEST or began is None or not store or not storefront:
        return None
    basket, apps = tables(keys.get("basket")), tables(keys.get("apps"))
    requests = tables(keys.get("requests"))
    failures = [text(one.get("failure")) or "unknown_failure" for one in requests if one.get("failure") is not None]
    return Answers(
        store=store,
        storefront=storefront,
        run_id=text(keys.get("run_id")),
        began=began,
        origin=origin_of(measurement),
        country=text(measurement.get("probe_cc")),
        weak=flag(keys.get("weak"), default=True),
        answered=bool(requests) and any(isinstance(one.get("listed"), bool) for one in (*basket, *apps)),
        right_storefront=store != "apple" or _is_from(storefront, (*basket, *apps)),
        basket_size=len(basket),
        basket_listed=sum(flag(one.get("listed")) and _same_bundle(one) for one in basket),
        controls=frozenset(texts(keys.get("controls"))),
        entries=tuple(_entry(store, storefront, one) for one in apps if _is_named(one)),
        failure=failures[0] if failures else "",
        file=file,
        line=line,
    )


def runs_of(answers: Iterable[Answers]) -> Iterator[Run]:
    """Group answers that follow each other by run. A second answer of the same storefront is ignored."""
    run, current = Run(), ""
    for one in answers:
        if run.answers and one.run_id != current:
            yield run
            run = Run()
        current = one.run_id
        run.answers.setdefault((one.store, one.storefront), one)
    if run.answers:
        yield run


def _lists(answers: Answers, wanted: Entry) -> bool:
    same = (entry for entry in answers.entries if entry.key[2:] == wanted.key[2:])
    return answers.usable and any(entry.listed and entry.same_bundle for entry in same)


def _entry(store: str, storefront: str, one: Mapping[str, Any]) -> Entry:
    return Entry(
        key=Key(store, storefront, text(one.get("id")), text(one.get("bundle_id"))),
        app=text(one.get("app")),
        title=text(one.get("title")) or text(one.get("app")),
        target=text(one.get("target")),
        answered=isinstance(one.get("listed"), bool),
        listed=flag(one.get("listed")),
        same_bundle=_same_bundle(one),
        version=text(one.get("version")),
        released=text(one.get("released")),
    )


def _is_named(one: Mapping[str, Any]) -> bool:
    """Return whether the entry names an app. One without an answer stays, and its state is unknown."""
    return bool(text(one.get("id")) and text(one.get("app")))


def _same_bundle(one: Mapping[str, Any]) -> bool:
    expected = one.get("bundle_id")
    return expected is None or one.get("found_bundle_id") == expected


def _is_from(storefront: str, entries: Iterable[Mapping[str, Any]]) -> bool:
    return all(one.get("found_storefront") == storefront for one in entries if flag(one.get("listed")))


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.strptime(text(value), DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
