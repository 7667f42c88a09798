"""What people read: state words, sentences, evidence; 80 columns, and no need of colour or Unicode."""

import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

WIDTH = 80
STATE_WORDS = {
    "blocked": "BLOCKED",
    "likely_blocked": "LIKELY BLOCKED",
    "degraded": "WORKS BADLY",
    "impaired": "NOT WORKING, CAUSE UNCLEAR",
    "down": "NOT WORKING, NO SIGN OF BLOCKING",
    "ok": "OK",
    "insufficient": "NOT ENOUGH DATA",
}
INVALID_WORD = "THIS RUN CANNOT BE USED"
INVALID_SENTENCES = {
    "captive_portal": "A sign-in page answers for everything: sign in first, then run again.",
    "vpn": "A VPN carries the traffic, so this is not the network you are on: switch it off, then run again.",
    "clock": "The clock of this computer is more than a day off: set it, then run again.",
    "no_network": "Nothing answers, not even neutral hosts: connect first, then run again.",
    "tls_interception": "Something on this computer or network opens all encrypted connections.",
    "probe_bug": "A bug in probe spoiled this measurement: please report it.",
}
COLOURS = {"blocked": "31;1", "likely_blocked": "31", "degraded": "33", "impaired": "33", "down": "33", "ok": "32"}


class UsageError(Exception):
    """The command cannot go on: one sentence for the user and an exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code


def is_plain(asked: bool, stream: TextIO) -> bool:
    """Say whether to do without colour, cursor movement and Unicode."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    dumb = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return asked or dumb or not stream.isatty() or encoding != "utf8"


def lab_header(scenario: str) -> str:
    """The line above everything that was measured inside the lab."""
    return f"LAB {clean(scenario)}: emulated, nothing left this computer"


def say(stream: TextIO, text: str = "") -> None:
    """Print a line that any terminal can show."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def clean(text: object) -> str:
    """A text from a file or the network, without the control characters that could steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def wrapped(text: str, indent: int = 0, first: str | None = None) -> str:
    """Fold a text at 80 columns; `first` starts the first line instead of the indent."""
    pad = " " * indent
    return textwrap.fill(
        clean(text),
        WIDTH - 1,
        initial_indent=pad if first is None else first,
        subsequent_indent=pad,
        break_on_hyphens=False,
    )


def state_word(record: Mapping[str, Any]) -> str:
    """The words for a verdict's state; `ok` that rests on a TCP connect alone says so."""
    if not record.get("valid", True):
        return INVALID_WORD
    state = str(record.get("state"))
    if state == "ok" and record.get("proof") == "tcp":
        return "OK as far as TCP"
    return STATE_WORDS.get(state, state.upper())


def sentence_of(record: Mapping[str, Any]) -> str:
    """The one sentence that goes with a verdict."""
    if not record.get("valid", True):
        return INVALID_SENTENCES.get(str(record.get("invalid_reason")), "It cannot be used.")
    return str(record.get("because") or "")


def evidence_of(record: Mapping[str, Any]) -> str:
    """The deciding evidence of a verdict in one line: mechanism, hop, counts here and at the helper, rule."""
    parts = [", ".join(record.get("mechanisms") or ())]
    hop = record.get("hop")
    parts.append(f"at hop {hop['ttl']}" if hop and hop.get("ttl") else "")
    parts.append(f"{record.get('failures', 0)} of {record.get('attempts', 0)} attempts failed here")
    controls = record.get("controls", 0)
    parts.append(
        f"{record.get('control_successes', 0)} of {controls} worked from the helper" if controls else "no helper asked"
    )
    parts.append(f"rule {record.get('rule_id')}")
    return "; ".join(part for part in parts if part)


def print_verdicts(
    records: Iterable[Mapping[str, Any]], stream: TextIO, plain: bool, *, lab: str | None = None, evidence: bool = True
) -> None:
    """Print verdicts for people: the state, one sentence, and the deciding evidence unless it is fine.

    Services of one target that share all of these share one paragraph.
    """
    if lab:
        say(stream, lab_header(lab))
        say(stream)
    for alike in _alike(records):
        _print_verdict(alike, stream, plain, evidence)


def _alike(records: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Records of one target and round that say the same, in the order of the first of each; lines do not matter."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    said: Counter[tuple[str, str]] = Counter()  # how often a service was judged before: rounds are told apart
    for record in records:
        same = tuple(str(record.get(key)) for key in ("mechanisms", "anomalies", "rule_id", "hop", "pass_rate"))
        file, service = str(record.get("measurement_file")), str(record.get("service"))
        where = (file, str(record.get("target")), said[file, service])
        said[file, service] += 1
        groups.setdefault((*where, state_word(record), sentence_of(record), *same), []).append(record)
    yield from groups.values()


def _print_verdict(alike: list[Mapping[str, Any]], stream: TextIO, plain: bool, evidence: bool) -> None:
    record = alike[0]
    word, state = clean(state_word(record)), str(record.get("state"))
    shown = word if plain else f"\x1b[{COLOURS.get(state, '0')}m{word}\x1b[0m"
    heading = wrapped(f"{_names(alike)}:", 4, "")
    fits = len(heading.split("\n")[-1]) + 1 + len(word) < WIDTH
    say(stream, heading + (" " if fits else "\n    ") + shown)
    if state == "ok" and record.get("valid", True):
        if record.get("anomalies"):
            say(stream, wrapped(f"Works; also seen: {', '.join(record['anomalies'])}.", 4))
        return
    say(stream, wrapped(sentence_of(record), 4))
    if evidence and record.get("valid", True):
        say(stream, wrapped(f"Evidence: {evidence_of(_summed(alike))}.", 4))


def _names(alike: list[Mapping[str, Any]]) -> str:
    """`signal/chat, storage`: the target once, and every role; of a web address itself."""
    if "://" in str(alike[0].get("target")):  # a web address, and its only role
        return str(alike[0]["target"])
    first, *others = [str(record.get("service")) for record in alike]
    return ", ".join([first, *(name.partition("/")[2] or name for name in others)])


def _summed(alike: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The first record with the counts of all."""
    counts = ("attempts", "failures", "controls", "control_successes")
    return {**alike[0], **{key: sum(int(record.get(key) or 0) for record in alike) for key in counts}}


def lab_of(documents: Iterable[Mapping[str, Any]]) -> str | None:
    """The scenario's name when the lines were written inside the lab."""
    for document in documents:
        annotations = document.get("annotations")
        if isinstance(annotations, dict) and annotations.get("lab"):
            return str(annotations["lab"])
    return None


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
