"""Fit the result of a run into the lines of the screen: what is missing, one row per app, and the answer as the last.

A screen with few lines gets a shorter table and fewer names. Sentences about test calls,
and all but the first lines about a single app, are printed only if there is space.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, product
from typing import NamedTuple

from rich.cells import cell_len

from probe.analysis.run_result.headline_parts import is_stopped
from probe.analysis.run_result.run_sentences import (
    apps_without_result,
    latest_rounds,
    origin_header,
    reasons,
    round_sentences,
    rules_of_network,
)
from probe.analysis.run_result.service_words import INVALID_WORD
from probe.analysis.run_result.unfinished_runs import Ending, missing_of
from probe.analysis.verdicts.app_verdicts import AppVerdict
from probe.analysis.verdicts.network_regimes import RegimeVerdict
from probe.cli.summary.app_table import FORMS, TableForm, table_lines
from probe.cli.summary.headline import headline
from probe.cli.summary.table_layout import wrap
from probe.formats.origin import Origin
from probe.messages import tr


class Sentences(NamedTuple):
    """Say how long the sentences around the table may be. None stands for the usual length."""

    names: int = 20  # apps that were not tested to their end
    answer: int | None = None  # lines
    others: int | None = None  # lines of each sentence about the origin and the network
    outage: int | None = None  # lines of the sentence about a part of the Internet that is not reachable

    def with_longer_answer(self) -> "Sentences":
        """Return the lengths with one more line for the answer, as far as it is usual."""
        longer = (self.answer or 0) + 1
        return self._replace(answer=longer if longer < MOST_ANSWER else None)


MOST_ANSWER = 7
LENGTHS = (Sentences(), Sentences(names=3, answer=3), Sentences(names=0, answer=3, others=2))
SHORTEST = (Sentences(0, 3, 1), Sentences(0, 2, 1, 3))
SPACES = re.compile(r" {2,}")


class ResultScreen:
    """Hold what the screen of a result consists of. `marked` adds marks for the directions of a line."""

    def __init__(
        self,
        apps: Sequence[AppVerdict],
        width: int,
        *,
        unicode: bool,
        marked: Callable[[str], str],
        regime: RegimeVerdict | None,
        ending: Ending,
        origin: Origin,
        outage: str,
        further: Sequence[str],
        command: str,
    ) -> None:
        self._apps, self._width, self._unicode, self._marked = apps, width, unicode, marked
        self._latest = latest_rounds(apps)
        self._rules = rules_of_network(regime, self._latest)
        self._ending, self._origin, self._outage = ending, origin, outage
        self._further, self._command = further, command

    def lines(self, most: int | None) -> list[str]:
        """Return the lines, no more than `most` of them. Without a limit nothing is left out."""
        forms = FORMS if self._has_table else FORMS[:1]
        possible = chain(product([form for form in forms if not form.cut], LENGTHS), product(forms, SHORTEST))
        form, length = next((one for one in possible if self._fits(one[0], one[1], most)), (FORMS[-1], SHORTEST[-1]))
        while length.answer is not None and self._fits(form, longer := length.with_longer_answer(), most):
            length = longer
        above, below = list(self._above(form, length)), list(self._below(length))
        if most is not None:
            above = above[: max(0, most - len(below))]
        space = None if most is None else most - len(above) - len(below)
        return [*above, *self._as_far_as_possible(space), *below]

    @property
    def _has_table(self) -> bool:
        """Return whether an app has a state. In a run that cannot be used no app has one."""
        return any(app["valid"] for app in self._latest)

    def _fits(self, form: TableForm, length: Sentences, most: int | None) -> bool:
        return most is None or len([*self._above(form, length), *self._below(length)]) <= most

    def _above(self, form: TableForm, length: Sentences) -> Iterator[str]:
        """Yield the lines above the answer: what is missing, where the result is from, and the table."""
        yield from self._wrapped(missing_of(self._ending, self._latest, length.names))
        if self._origin.artificial:
            yield from self._wrapped(origin_header(self._origin), length.others)
        for reason in reasons(self._latest):
            yield from self._wrapped(reason, length.others)
        yield from self._wrapped(self._rules, length.others)
        rows = [app for app in self._latest if not (self._rules and is_stopped(app))]
        if rows and self._has_table:
            yield from table_lines(rows, self._width, form, coloured=self._unicode, marked=self._marked)
        for sentence in round_sentences(self._apps, self._latest):
            yield from self._wrapped(sentence, length.others)
        yield from self._wrapped(self._outage, length.outage)

    def _below(self, length: Sentences) -> Iterator[str]:
        """Yield the lines at the end: the next command, and the answer."""
        yield from self._command_lines()
        if self._has_table:
            found = headline(
                self._latest, self._width, unicode=self._unicode, together=bool(self._rules), most=length.answer
            )
            yield from map(self._marked, found)
            return
        yield from map(self._marked, wrap(apps_without_result(self._latest), self._width, 3))
        yield self._marked(tr(INVALID_WORD))

    def _command_lines(self) -> Iterator[str]:
        """Yield the next command in one line. Its purpose stands behind it if there is space."""
        if self._command:
            line = tr("Next  {command}", command=self._command)
            fits = cell_len(line) <= self._width
            yield self._marked(line if fits else tr("Next  {command}", command=SPACES.split(self._command)[0]))

    def _as_far_as_possible(self, space: int | None) -> Iterator[str]:
        """Yield further sentences, as far as there are lines for whole ones."""
        for sentence in self._further:
            lines = list(self._wrapped(sentence))
            if space is not None:
                if len(lines) > space:
                    return
                space -= len(lines)
            yield from lines

    def _wrapped(self, sentence: str, most: int | None = None) -> Iterator[str]:
        if sentence:
            yield from map(self._marked, wrap(sentence, self._width, most))
