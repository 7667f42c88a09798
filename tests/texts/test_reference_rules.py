"""Test that each reference check finds its violation and leaves correct references alone."""

from pathlib import Path

import pytest

from tests.texts.references import violations

# (file name, content, a piece of the message that it draws)
PLANTED = [
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
]

CORRECT = [
    ("a.md", "# One two\n\nSee [above](#one-two) and [this](https://example.org/absent.md)."),
    (
        "a.md",
        "`probe/cli/__init__.py`, cli/__init__.py, `targets/*.toml`, `probe.cli.main`, `dns.message` exist.",
    ),
    ("a.md", "Principles P1 and P10, `dns.injection.bogon`, `probe rules`, docs/contract.md, section 2.1, P-256."),
    ("a.md", "The rules `quic_completes` and `service_unread`, and the key `x_control`."),
    ("a.py", '"""Return one key of `tests/texts/words.py` (RFC 793, section 3.1)."""'),
]


@pytest.mark.parametrize(("name", "content", "message"), PLANTED)
def test_planted_reference_is_found(name: str, content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    found = [str(violation) for violation in violations([file])]
    assert any(message in violation for violation in found), found


@pytest.mark.parametrize(("name", "content"), CORRECT)
def test_correct_reference_has_no_violation(name: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)
    assert not violations([file])
