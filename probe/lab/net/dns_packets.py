"""DNS messages as the lab's servers and censors need them: reads one question, writes one reply (RFC 1035 4.1).

Written by hand so that the measuring side's DNS library is met by messages that it did not make itself.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from probe.lab.net.crafting import packed

A, NS, AAAA, OPT = 1, 2, 28, 41
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
RCODES = {"noerror": NOERROR, "servfail": SERVFAIL, "nxdomain": NXDOMAIN, "refused": REFUSED}
QR, AA, RD, RA = 0x8000, 0x0400, 0x0100, 0x0080
POINTER_TO_QUESTION = b"\xc0\x0c"


@dataclass(frozen=True)
class Question:
    """One question as it stood in a query; `name` lower-case without the last dot, `raw` its bytes."""

    ident: int
    flags: int
    name: str
    kind: int
    raw: bytes
    edns: bool = False

    @property
    def family(self) -> int:
        """4 or 6 for address questions, else 0."""
        return {A: 4, AAAA: 6}.get(self.kind, 0)


def read_question(data: bytes) -> Question | None:
    """The question of a query; None for answers, for several questions and for anything malformed."""
    if len(data) < 17:
        return None
    ident, flags, questions, answers, authorities, additional = struct.unpack_from(">6H", data)
    if flags & QR or questions != 1 or answers or authorities:
        return None
    labels, at = [], 12
    while at < len(data) and 0 < data[at] < 64:
        labels.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if at + 5 > len(data) or data[at] != 0:
        return None
    kind, _ = struct.unpack_from(">HH", data, at + 1)
    name = b".".join(labels).decode("ascii", "replace").lower()
    return Question(ident, flags, name, kind, data[12 : at + 5], edns=additional > 0 and _is_opt(data, at + 5))


def _is_opt(data: bytes, at: int) -> bool:
    return data[at : at + 3] == b"\0" + struct.pack(">H", OPT)


def reply(
    question: Question,
    addresses: Sequence[str] = (),
    *,
    rcode: int = NOERROR,
    ttl: int = 300,
    authoritative: bool = False,
    recursive: bool = True,
) -> bytes:
    """The answer to a question: those of `addresses` that are of its family. `ttl` in seconds."""
    records = [packed(address) for address in addresses if (6 if ":" in address else 4) == question.family]
    flags = QR | question.flags & RD | (RA if recursive else 0) | (AA if authoritative else 0) | rcode
    parts = [struct.pack(">6H", question.ident, flags, 1, len(records), 0, int(question.edns)), question.raw]
    for data in records:
        parts += [POINTER_TO_QUESTION, struct.pack(">HHIH", question.kind, IN, ttl, len(data)), data]
    if question.edns:
        parts.append(b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0))
    return b"".join(parts)


def referral(question: Question) -> bytes:
    """What a root server answers to every question: no address, but who knows more (RFC 1034 4.3.2)."""
    top = question.name.rpartition(".")[2].encode()
    owner, target = _name(top), _name(b"a", b"servers", top)
    head = struct.pack(">6H", question.ident, QR | question.flags & RD, 1, 0, 1, 0)
    return head + question.raw + owner + struct.pack(">HHIH", NS, IN, 172800, len(target)) + target


def _name(*labels: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels if label) + b"\0"


def question_of_answer(data: bytes) -> Question | None:
    """The question that an answer repeats; None when these bytes are no answer."""
    if len(data) < 17 or not data[2] & 0x80:
        return None
    ident, flags, questions = struct.unpack_from(">3H", data)
    additional = struct.unpack_from(">H", data, 10)[0]
    query = struct.pack(">6H", ident, flags & RD, questions, 0, 0, 0) + data[12:]
    question = read_question(query)
    if question is None:
        return None
    return Question(ident, question.flags, question.name, question.kind, question.raw, edns=additional > 0)
