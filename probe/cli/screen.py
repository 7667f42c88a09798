"""Print for users: state words, sentences and evidence, in 80 columns, also without colour and Unicode."""

import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TextIO

from rich.cells import cell_len

from probe.analysis.rules.variant import VARIANT
from probe.analysis.run_result.figure_sentences import throughput_sentences
from probe.analysis.run_result.run_sentences import origin_header, outage_of
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.run_result.service_words import device_sentences, evidence_of, state_word
from probe.cli.bidi import wants_marks, with_marks
from probe.formats.origin import REAL, Origin
from probe.messages import listed, printable, printable_lines, tr
from probe.messages.line_breaks import has_only_blanks, lines_of
from probe.signatures.device_prints import PREFIX

WIDTH = 80
_SHOWN_BLANKS = dict.fromkeys((0xA0, 0x202F), " ")  # lines are broken by now, and not all encodings have these blanks
COLOURS = {
    "blocked": "31;1",
    "likely_blocked": "31",
    "degraded": "33",
    "filtered_locally": "36",
    "impaired": "33",
    "down": "33",
    "ok": "32",
}


class UsageError(Exception):
    """End a command with one sentence for the user and an exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code


def write_error(error: OSError, path: object, sentence: str, exit_code: int) -> Exception:
    """Return the error that ends a command which cannot write a file. `sentence` is for all but a full disk."""
    from probe.results import full_disk, is_full  # here, so that `probe --help` starts faster

    return full_disk(error, path) if is_full(error) else UsageError(sentence, exit_code)


def is_plain(asked: bool, stream: TextIO) -> bool:
    """Return whether to print without colour, cursor movement and Unicode."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    dumb = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return asked or dumb or not stream.isatty() or encoding != "utf8"


def say(stream: TextIO, text: str = "", *, coloured: str = "", end: str = "\n") -> None:
    """Print a text. Control characters become escapes, and characters that the stream's encoding lacks question marks.

    `coloured` is printed behind it as it is. It must come from our own code.
    """
    encoding = getattr(stream, "encoding", None) or "ascii"
    whole = for_terminal(printable_lines(text), stream) + coloured
    whole = whole.translate(_SHOWN_BLANKS)
    print(whole.encode(encoding, "replace").decode(encoding), file=stream, flush=True, end=end)


def for_terminal(text: str, stream: TextIO) -> str:
    """Return the lines of a text with marks for the direction, if the language and the terminal need them."""
    return "\n".join(map(with_marks, text.split("\n"))) if wants_marks(stream) else text


def wrapped(text: str, indent: int = 0, first: str | None = None) -> str:
    """Wrap a text at 80 columns. `first` starts the first line instead of the indent."""
    pad, shown = " " * indent, printable(text)
    if not has_only_blanks(shown):
        label = pad if first is None else first
        begin, *others = lines_of(shown, WIDTH - 1 - indent, WIDTH - 1 - cell_len(label))
        return "\n".join([label + begin, *(pad + line for line in others)])
    return textwrap.fill(
        shown,
        WIDTH - 1,
        initial_indent=pad if first is None else first,
        subsequent_indent=pad,
        break_on_hyphens=False,
    )


def print_verdicts(
    records: Iterable[Mapping[str, Any]],
    stream: TextIO,
    plain: bool,
    *,
    origin: Origin = REAL,
    evidence: bool = True,
    targets: Targets = MappingProxyType({}),
) -> None:
    """Print verdicts: the state, the plain sentence, the technical sentence and the evidence.

    Services of one target that share rule and evidence share one paragraph. `targets` gives the facts about each
    target by name, see `targets_of`. Without them the target's short name is shown.
    """
    if origin.artificial:
        say(stream, wrapped(origin_header(origin)))
        say(stream)
    kept = list(records)
    for alike in _alike(kept):
        _print_verdict(alike, stream, plain, evidence, targets.get(str(alike[0].get("target"))))
    if sentence := outage_of(kept):
        say(stream)
        say(stream, wrapped(sentence))


def _alike(records: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield records of one target and round that share rule and evidence, in the order of the first of each group."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    rounds: Counter[tuple[str, str]] = Counter()  # how often a service occurred before in the same file
    for record in records:
        shared = (
            "mechanisms",
            "anomalies",
            *VARIANT,
            "because",
            "hop",
            "pass_rate",
            "media",
            "throughput_ratio",
            "cutoff",
            "invalid_reason",
        )
        file, service = str(record.get("measurement_file")), str(record.get("service"))
        where = (file, str(record.get("target")), rounds[file, service])
        rounds[file, service] += 1
        key = (*where, state_word(record), *(str(record.get(key)) for key in shared))
        groups.setdefault(key, []).append(record)
    yield from groups.values()


def _print_verdict(
    alike: list[Mapping[str, Any]], stream: TextIO, plain: bool, evidence: bool, target: Mapping[str, Any] | None
) -> None:
    # here, so that other commands start faster
    from probe.analysis.verdicts.plain_sentences import SHOWN_THOUGH_OK, plain_sentence

    record = alike[0]
    _print_heading(alike, stream, plain)
    valid = record.get("valid", True)
    if record.get("state") == "ok" and valid:
        if record.get("rule_id") in SHOWN_THOUGH_OK:
            say(stream, wrapped(plain_sentence(record, target, alike=alike[1:]), 4))
        else:
            _print_anomalies(record, stream)
        return
    say(stream, wrapped(plain_sentence(record, target, alike=alike[1:]), 4))
    if valid:
        say(stream, wrapped(tr("Technical: {sentence}", sentence=record.get("because")), 4))
    if evidence and valid:
        sentences = [*evidence_of(_summed(alike)), *throughput_sentences(record)]
        say(stream, wrapped(tr("Evidence: {sentences}", sentences=" ".join(sentences)), 4))


def _print_anomalies(record: Mapping[str, Any], stream: TextIO) -> None:
    """Print what was seen beside a service that works: interference without effect, and prints of devices."""
    if seen := [name for name in record.get("anomalies") or () if not name.startswith(PREFIX)]:
        sentence = tr("It works. Interference without effect was also seen: {names}.", names=listed(seen))
        say(stream, wrapped(sentence, 4))
    for sentence in device_sentences(record):
        say(stream, wrapped(sentence, 4))


def _print_heading(alike: list[Mapping[str, Any]], stream: TextIO, plain: bool) -> None:
    """Print the names of the services and the state, on a second line if both do not fit in one."""
    record = alike[0]
    word, state = for_terminal(printable(state_word(record)), stream), str(record.get("state"))
    shown = word if plain else f"\x1b[{COLOURS.get(state, '0')}m{word}\x1b[0m"
    heading = wrapped(f"{_names(alike)}:", 4, "")
    fits = cell_len(heading.split("\n")[-1]) + 1 + cell_len(word) < WIDTH
    say(stream, heading + (" " if fits else "\n    "), coloured=shown)


def _names(alike: list[Mapping[str, Any]]) -> str:
    """Return the target once with every role, `signal/chat, storage`, or a web address alone."""
    if "://" in str(alike[0].get("target")):
        return str(alike[0]["target"])
    first, *others = [str(record.get("service")) for record in alike]
    return listed([first, *(name.partition("/")[2] or name for name in others)])


def _summed(alike: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first record with the counts of all."""
    counts = ("attempts", "failures", "controls", "control_successes")
    return {**alike[0], **{key: sum(int(record.get(key) or 0) for record in alike) for key in counts}}


def size(count: int) -> str:
    """Return a number of bytes with a unit: B, kB or MB."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
