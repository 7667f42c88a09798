"""Print what a shared file contains and what was removed from it: field, how much is kept, and why."""

from typing import TextIO

from probe.analysis.run_result.run_sentences import origin_header
from probe.cli.screen import WIDTH, say, wrapped
from probe.messages import mark, printable, tr, tr_plural
from probe.privacy.field_facts import FIELD_FACTS, NETWORK, TIME, FieldFact, Kept
from probe.sharing import Outgoing

KEPT_WORDS = {Kept.YES: mark("yes"), Kept.REDUCED: mark("reduced"), Kept.NO: mark("no")}
FIELD_WIDTH, KEPT_WIDTH = 28, 12


def print_fields(outgoing: Outgoing, stream: TextIO, plain: bool, *, reveals: bool) -> None:
    """Print the table and the counts of one run. `reveals` adds what each field can reveal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if outgoing.origin.artificial:
        say(stream, origin_header(outgoing.origin))
    say(stream, tr("Results file: {path}", path=outgoing.source))
    for sentence in about(outgoing):
        say(stream, wrapped(sentence))
    say(stream)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(Text(tr("Field")), width=FIELD_WIDTH, overflow="fold")
    table.add_column(Text(tr("Kept")), width=KEPT_WIDTH, overflow="fold")
    table.add_column(Text(tr("Why")), overflow="fold")
    for cells in rows(outgoing, reveals=reveals):
        table.add_row(*map(Text, cells))
    console = Console(width=WIDTH - 1, no_color=True, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    say(stream, "\n".join(line.rstrip() for line in captured.get().splitlines()))
    say(stream)
    for sentence in removed(outgoing):
        say(stream, wrapped(sentence))
    if not reveals:
        say(stream, wrapped(tr("`probe share -v` also shows what each field can reveal.")))


def rows(outgoing: Outgoing, *, reveals: bool) -> list[tuple[str, str, str]]:
    """Return the rows of the table: the fields, how much of them is kept, and why."""
    return [_cells(fact, outgoing, reveals) for fact in FIELD_FACTS]


def _cells(fact: FieldFact, outgoing: Outgoing, reveals: bool) -> tuple[str, str, str]:
    """Return the three cells of one row. The value of the run stands where it is short."""
    values = {NETWORK: _network(outgoing), TIME: _times(outgoing)}
    kept = values.get(fact.fields) or tr(KEPT_WORDS[fact.kept])
    why = [tr(fact.note)] if fact.kept is Kept.YES else [tr(fact.reveals), tr(fact.note)]
    return tr(fact.fields), kept, "\n".join([tr(fact.reveals), *why[-1:]] if reveals else why)


def _network(outgoing: Outgoing) -> str:
    return printable(f"{outgoing.first.cc} {outgoing.first.asn} {outgoing.network}".rstrip())


def _times(outgoing: Outgoing) -> str:
    return (
        outgoing.first.time
        if outgoing.first.time == outgoing.last.time
        else f"{outgoing.first.time}\n{outgoing.last.time}"
    )


def in_short(outgoing: Outgoing) -> list[str]:
    """Return six sentences about what leaves with a run, and what does not."""
    count = outgoing.manifest.lines
    return [
        tr_plural("The file has {count} measurement.", "The file has {count} measurements.", count),
        tr(
            "It says which network was measured, and when: {network}, {time}.",
            network=_network(outgoing),
            time=_when(outgoing),
        ),
        tr("It says which apps were tested, and what this computer and the servers answered."),
        tr("A person who has the file can see that a user of this network ran this program at this time."),
        removed(outgoing)[0],
        removed(outgoing)[-1],
    ]


def _when(outgoing: Outgoing) -> str:
    return " – ".join(dict.fromkeys([outgoing.first.time, outgoing.last.time]))


def about(outgoing: Outgoing) -> list[str]:
    """Return sentences about what the file contains, and about what it does not contain of the run."""
    count = outgoing.manifest.lines
    sentences = [tr_plural("The file has {count} measurement:", "The file has {count} measurements:", count)]
    if outgoing.interrupted:
        sentences.append(tr("The run was interrupted. What it measured before that is shared."))
    if outgoing.torn:
        sentences.append(tr("The last line is incomplete and is left out."))
    return sentences


def removed(outgoing: Outgoing) -> list[str]:
    """Return sentences about what was removed from the run, and about the second search."""
    scrubbed = tr_plural(
        "{count} value that may identify you was replaced by `[scrubbed]` in this run.",
        "{count} values that may identify you were replaced by `[scrubbed]` in this run.",
        outgoing.scrubbed,
    )
    withheld = tr_plural(
        "{count} text of a server was replaced by its class and length.",
        "{count} texts of servers were replaced by their class and length.",
        outgoing.withheld,
    )
    searched = tr(
        "The file was searched once more. No address of this computer and no name of it or of its user was found."
    )
    return [scrubbed, withheld, searched]
