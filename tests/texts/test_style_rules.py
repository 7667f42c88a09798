"""Test that each rule of the prose lint finds its violation and leaves correct text alone."""

from pathlib import Path

import pytest

from tests.texts.style import violations

# (file name, content, a piece of the message that it draws)
PLANTED = [
    ("a.py", '"""What the resolver said."""', "imperative"),
    ("a.py", '"""The resolver\'s answer."""', "imperative"),
    ("a.py", '"""Returns the answer."""', "imperative"),
    ("a.py", '"""DNS messages."""', "imperative"),
    ("a.py", '"""`probe run`: measure."""', "imperative"),
    ("a.py", '"""Return the answer"""', "full stop"),
    ("a.py", '"""Can it be reached?"""', "no question"),
    ("a.py", '"""Return the answer that\ncame first."""', "full stop"),
    ("a.py", '"""Return the answer; sort it."""', "no semicolon"),
    ("a.py", '"""Map bytes → text."""', "no arrow"),
    ("a.py", '"""Return one: two: three."""', "one colon"),
    ("a.py", '"""Return the answer of whoever sent it."""', "'whoever'"),
    ("a.py", '"""Return the sort of ours."""', "'of ours'"),
    ("a.py", '"""Tell a forgery from an answer."""', "distinguish"),
    ("a.py", '"""Count triggers (law 7)."""', "'law 7'"),
    ("a.py", '"""Count triggers (design.md, section 2)."""', "'design.md'"),
    ("a.py", '"""Count triggers, against the plan."""', "plan"),
    ("a.py", f'"""Return {"very " * 25}much."""', "25 words"),
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
    ("a.md", f"Text is {'very ' * 25}long.", "25 words"),
]

CORRECT = [
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


@pytest.mark.parametrize(("name", "content", "message"), PLANTED)
def test_planted_violation_is_found(name: str, content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    found = [str(violation) for violation in violations([file])]
    assert any(message in violation for violation in found), found


@pytest.mark.parametrize(("name", "content"), CORRECT)
def test_correct_text_has_no_violation(name: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    assert not violations([file])
