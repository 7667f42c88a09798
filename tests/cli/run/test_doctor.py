"""Test `probe doctor`, and the screen of a run: what they say about helpers and unfit networks."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from probe.cli.run.consent import VERSION
from probe.cli.run.doctor import doctor
from probe.cli.run.progress import Lines
from probe.messages import catalogue
from probe.privacy.redact import Known
from probe.run.network import preflight as preflight_module
from probe.run.vantage import Vantage
from probe.session.session import Session
from tests.control.test_liveness import unused
from tests.control.test_own import helper, sending

FIT = {"network": True, "portal": None, "clock_skew": 0.0, "vpn": False, "tls_interception": None}
UNFIT = {"vpn": {"vpn": True}, "clock": {"clock_skew": 400 * 86400.0}, "tls_interception": {"tls_interception": "all"}}
HERE = Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, Known(), "")


@pytest.fixture
def examined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def go(facts: dict[str, Any], control: str | None = None, **options: Any) -> tuple[int, str]:
        async def preflight(session: Session, roots: Any = None) -> None:
            session.preflight = FIT | facts

        monkeypatch.setattr(preflight_module, "preflight", preflight)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        with pytest.raises(typer.Exit) as ended:
            doctor(control=control, consent=VERSION, **options)
        return ended.value.exit_code, capfd.readouterr().out

    return go


def test_fit_network_exits_with_0(examined: Callable[..., tuple[int, str]]) -> None:
    code, out = examined({})
    assert code == 0 and "This network is fit to measure from." in out


@pytest.mark.parametrize("reason", UNFIT)
def test_unfit_network_exits_with_4(reason: str, examined: Callable[..., tuple[int, str]]) -> None:
    code, out = examined(UNFIT[reason])
    assert code == 4 and out.count("  bad ") == 1 and "not fit to measure from" in out


def test_states_are_translated_and_fit_their_column(
    examined: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(languages=["fr"]))
    code, out = examined(UNFIT["vpn"])
    (row,) = [line for line in out.splitlines() if line.startswith("  mauvais")]
    good = next(line for line in out.splitlines() if line.startswith("  bon "))
    assert code == 4 and "marqué « mauvais »" in " ".join(out.split()) and " bad " not in out
    assert row[: len("  mauvais ")] == "  mauvais " and good[: len("  mauvais ")] == "  bon     "


def test_dead_helper_is_named_and_exits_with_4(examined: Callable[..., tuple[int, str]]) -> None:
    url = unused()
    code, out = examined({}, url)
    assert code == 4 and f"{url} does not answer (connection_refused)" in " ".join(out.split())
    assert "fit to measure from, but a test helper" in " ".join(out.split())


def test_helper_whose_name_does_not_resolve_is_named(examined: Callable[..., tuple[int, str]]) -> None:
    code, out = examined({}, "http://no-such-helper.invalid:8080", json=True)
    (finding,) = [row for row in json.loads(out)["findings"] if row["subject"] == "test helper"]
    assert code == 4 and finding["state"] == "bad" and "no-such-helper.invalid:8080" in finding["sentence"]
    assert "dns_" in finding["sentence"]


async def test_living_helper_is_fine(examined: Callable[..., tuple[int, str]]) -> None:
    import asyncio

    async with helper(sending({"status": "ok"})) as url:
        code, out = await asyncio.to_thread(examined, {}, url)
    assert code == 0 and f"{url} answers." in out


def shown(report: Callable[[Lines], None], helpers: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    report(Lines(3, stream, helpers))
    return " ".join(stream.getvalue().split())


def test_dead_helper_is_named_on_the_screen_of_a_run() -> None:
    facts = FIT | {"helpers": ["generic_timeout_error", None]}
    text = shown(lambda screen: screen.prepared(facts, HERE), ("https://dead.example", "https://living.example"))
    assert "https://dead.example does not answer (generic_timeout_error)" in text and "living" not in text


@pytest.mark.parametrize(
    ("reason", "seen", "means", "do"),
    [
        ("vpn", "A VPN carries the traffic", "describe the VPN's network and not yours", "Switch the VPN off"),
        ("clock", "The clock of this computer is wrong by 400 days", "cannot be checked with it", "Set the clock"),
        ("tls_interception", "opens every encrypted connection", "measured and not yours", "Pause the antivirus"),
    ],
)
def test_refusal_says_what_was_seen_what_it_means_and_what_to_do(reason: Any, seen: str, means: str, do: str) -> None:
    text = shown(lambda screen: screen.refused(FIT | UNFIT[reason], reason))
    assert text.index(seen) < text.index(means) < text.index("no service was contacted") < text.index(do)
    assert "--measure-anyway" in text and "Measuring" not in text


def test_missing_part_of_the_program_is_a_note(
    monkeypatch: pytest.MonkeyPatch, examined: Callable[..., tuple[int, str]]
) -> None:
    """Test it with the sentences of a run, which do not make a network unfit."""
    code, out = examined({})
    assert "program" not in out
    monkeypatch.setitem(sys.modules, "utls", None)
    code, out = examined({})
    assert code == 0 and "  note  program      It is not tested whether browsers" in out
    assert "Install censorprobe[fingerprint]." in " ".join(out.split())
