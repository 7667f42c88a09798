"""Test that each rule of the style and reference checks finds its violation and leaves correct text alone."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.texts import references, style

Check = Callable[[Iterable[Path]], Iterable[object]]

# (file name, content, a piece of the message that it draws)
STYLE_PLANTED = [
    ("a.py", '"""What the resolver said."""', "imperative"),
    ("a.py", '"""The resolver\'s answer."""', "imperative"),
    ("a.py", '"""Returns the answer."""', "imperative"),
    ("a.py", '"""DNS messages."""', "imperative"),
    ("a.py", '"""`probe run`: measure."""', "imperative"),
    ("a.py", '"""Can it be reached?"""', "no question"),
    ("a.py", '"""Return the answer; sort it."""', "no semicolon"),
    ("a.py", '"""Map bytes → text."""', "no arrow"),
    ("a.py", '"""Return the answer of whoever sent it."""', "'whoever'"),
    ("a.py", '"""Return the sort of ours."""', "'of ours'"),
    ("a.py", '"""Tell a forgery from an answer."""', "distinguish"),
    ("a.py", '"""Count triggers (law 7)."""', "'law 7'"),
    ("a.py", '"""Count triggers (design.md, section 2)."""', "'design.md'"),
    ("a.py", '"""Count triggers, against the plan."""', "plan"),
    ("a.py", '"""Test."""\nx = 1  # nobody listens', "'nobody'"),
    ("a.py", '"""Test."""\n# the peer\n# dies here', "'dies'"),
    ("a.py", '"""Test."""\nX = 1\n"""The twins."""', "'twins'"),
    ("a.py", '"""Test."""\ntr("It works; run it again.")', "no semicolon"),
    ("a.py", '"""Test."""\nmark("Nobody answers.")', "'Nobody'"),
    ("a.py", '"""Test."""\ntr(f"Reached {host}.")', "one literal"),
    ("a.py", '"""Test."""\ntr("Reached " + host)', "one literal"),
    ("a.py", '"""Test."""\nRule("id", "TRUE", State.OK, "Whoever answers.")', "'Whoever'"),
    ("a.py", '"""Test."""\nRule("id", "TRUE", State.OK, "Seen.", plain="It is harmless.")', "'harmless'"),
    ("a.py", '"""Test."""\nopt("--x", help="Ask somebody.")', "'somebody'"),
    ("a.py", '"""Test."""\ndef ask_twin(): ...', "in a name"),
    ("a.py", '"""Test."""\nclass PunishedFlow: ...', "in a name"),
    ("vouching.py", '"""Test."""', "in a name"),
    ("a.md", "Text.\n\n- The box lies.", "'lies'"),
    ("a.ipynb", '{"cells": [{"cell_type": "markdown", "id": "c1", "source": ["A twin."]}]}', "'twin'"),
    ("a.md", "| a | one; two |", "no semicolon"),
]

STYLE_CORRECT = [
    ("a.md", f"Text is {'very ' * 60}long: one: two."),
    ("a.py", '"""Return the answer. It is the first that\ncame.\n"""'),
    ("a.py", '"""Compress it (RFC 1951, 3.1; RFC 1952, 2)."""'),
    ("a.py", '"""Raise an error with "a: b: c"."""'),
    ("a.py", '"""POST it."""\nx = 1  # one: two\n# three: four'),
    ("a.py", '"""Test."""\ntr("{file}: {key}: wrong value.")'),
    ("a.py", '"""Return the answer: a message, or None."""'),
    ("a.py", '"""Process a datagram.\n\nThe keys are `a; b` and `whoever`. See https://example.org/law;7\n"""'),
    ("a.py", '"""Test."""\nclass A:\n    """One answer of a resolver."""'),
    ("a.py", '"""Send it.\n\nExample:\n\n    send(a); send(b)\n"""'),
    ("a.py", '"""Test."""\nx = "nobody"  # noqa: E501; nobody'),
    ("a.md", "Text.\n\n```\na; b → c\n```\n\n`harmless` is quoted."),
    ("a.md", "[a link](https://example.org/a;b)"),
]

REFERENCE_PLANTED = [
    ("a.md", "See [the map](absent.md).", "no such file"),
    ("a.md", "# One\n\nSee [below](#two).", "no such heading"),
    ("a.md", "The file `probe/absent.py` does it.", "no such file"),
    ("a.md", "The folder probe/absent/ does it.", "no such file"),
    ("a.md", "The files `probe/absent/*.py` do it.", "no such file"),
    ("a.md", "Call `python -m tests.absent`.", "no such module"),
    ("a.md", "The rule `tls_absent_rule` decides.", "no such name in the code"),
    ("a.md", "It is `tls.refused.sni`.", "no such mechanism"),
    ("a.md", "Call `probe absent`.", "no such command"),
    ("a.md", "```\n$ probe absent\n```", "no such command"),
    ("a.md", "Principle P11 says so.", "no such principle"),
    ("a.md", "See docs/contract.md, section 99.", "no such section"),
    ("a.py", '"""Count triggers (law 7)."""', "no such document"),
    ("a.py", '"""Read entries (reference/ooni.md 2.8)."""', "no such document"),
    ("a.py", '"""Test."""\n# as issue 5 wants', "no such document"),
    ("a.py", '"""Test."""\nX = 1  # what absent_module.py does', "no such file"),
    ("a.py", '"""Test."""\nX = 1\n"""Read by `absent_reader`."""', "no such name in the code"),
    ("a.toml", "key = 1  # see docs/absent.md", "no such file"),
    ("a.md", "The table is in `records.py`.", "name its folder"),
]

REFERENCE_CORRECT = [
    ("a.md", "# One two\n\nSee [above](#one-two) and [this](https://example.org/absent.md)."),
    (
        "a.md",
        "`probe/cli/__init__.py`, cli/__init__.py, `targets/*.toml`, `probe.cli.main`, `dns.message` exist.",
    ),
    ("a.md", "Principles P1 and P10, `dns.injection.bogon`, `probe rules`, docs/contract.md, section 2.1, P-256."),
    ("a.md", "The rows of the features are in `rows.py`, the versions in `pyproject.toml`."),
    ("a.md", "The rules `quic_completes` and `service_unread`, and the key `x_control`."),
    ("a.py", '"""Return one key of `tests/texts/words.py` (RFC 793, section 3.1)."""'),
]

PLANTED = [(style.violations, *case) for case in STYLE_PLANTED]
PLANTED += [(references.violations, *case) for case in REFERENCE_PLANTED]
CORRECT = [(style.violations, *case) for case in STYLE_CORRECT]
CORRECT += [(references.violations, *case) for case in REFERENCE_CORRECT]


@pytest.mark.parametrize(("check", "name", "content", "message"), PLANTED)
def test_planted_violation_is_found(check: Check, name: str, content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    found = [str(violation) for violation in check([file])]
    assert any(message in violation for violation in found), found


@pytest.mark.parametrize(("check", "name", "content"), CORRECT)
def test_correct_text_has_no_violation(check: Check, name: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    assert not check([file])
