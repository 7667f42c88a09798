"""Test `probe show` and `probe list`, also with lines that cannot be used."""

import gzip
import os
from pathlib import Path

import pytest
import typer

from probe.analysis.run_result.service_words import describe_transaction
from probe.cli.results.list import runs
from probe.cli.results.run_summary import summarize
from probe.cli.results.show import show
from probe.cli.screen import UsageError
from tests.analysis.verdicts.test_apps import RECORDED


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(("2026-11-23/XX-AS1/090000-aa.jsonl", "2026-11-24/XX-AS1/080000-bb.jsonl")):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text('{"test_name":"telegram","probe_cc":"XX","probe_asn":"AS1","test_keys":{}}\n{"torn')
        os.utime(path, (1000 + number, 1000 + number))
    return tmp_path


def test_show_last_uses_newest_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        show(results=root)
    errors = capsys.readouterr().err
    assert ended.value.exit_code == 6
    assert "080000-bb.jsonl:2: The line is incomplete" in errors and "090000-aa" not in errors


def test_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runs in"):
        show(results=tmp_path)
    with pytest.raises(UsageError, match="no file or folder"):
        show(str(tmp_path / "nowhere"))


def firewall(*words: str, **options: bool) -> None:
    show(str(RECORDED / "great-firewall.jsonl.gz"), *words, **options)


def test_app_is_chosen_by_name_title_or_service(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("signal", "SIGNAL", "sip providers"):
        firewall(word)
        out = capsys.readouterr().out
        assert "Signal is blocked" in out or "1 partly blocked: SIP providers" in out
        assert "signal/calls" in out or "sip/linphone" in out
        assert "telegram" not in out
    firewall("signal/chat")
    assert "signal/chat: BLOCKED" in (out := capsys.readouterr().out) and "signal/cdn" not in out


def test_test_calls_are_said_below_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    show(str(RECORDED / "call-clean.jsonl.gz"))
    out = " ".join(capsys.readouterr().out.split())
    for protocol in ("SIP", "WebRTC"):
        assert f"A test call over {protocol} to the test helper: answered after" in out
    show(str(RECORDED / "call-sip-silent.jsonl.gz"))
    assert "A test call over SIP to the test helper failed" in " ".join(capsys.readouterr().out.split())
    show(str(RECORDED / "clean.jsonl.gz"))
    assert "est call over" not in capsys.readouterr().out


def test_why_takes_an_app_and_works_alone(capsys: pytest.CaptureFixture[str]) -> None:
    firewall("resolvers", why=True)
    out = capsys.readouterr().out
    assert out.count("Decided by") == 3 and "resolvers/google: OK" in out and "signal" not in out
    firewall("telegram/dc_pool", why=True)
    assert "telegram/web" not in (out := capsys.readouterr().out) and out.count("Decided by") == 1


def test_unknown_app_is_refused_with_those_of_the_run() -> None:
    with pytest.raises(UsageError, match=r"no app 'skype' in this run\. It has: (\w+, )*telegram"):
        firewall("skype")


def test_single_word_names_an_app_of_the_last_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "2026-11-23" / "XX-AS1" / "090000-aa.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress((RECORDED / "sni-reset.jsonl.gz").read_bytes()))
    show("telegram", results=tmp_path)
    assert "1 partly blocked: Telegram" in (out := capsys.readouterr().out) and "gmail" not in out
    show("WhatsApp", why=True, results=tmp_path)
    assert "whatsapp/registration: BLOCKED" in (out := capsys.readouterr().out) and "telegram/" not in out


def test_html_is_the_page_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "receipt.html"
    show(str(RECORDED / "great-firewall.jsonl.gz"), html=page)
    assert capsys.readouterr().err == f"saved {page}\n"
    assert page.stat().st_mode & 0o777 == 0o600
    text = page.read_text(encoding="utf-8")
    assert "<h1>What this run found</h1>" in text and text.count("<article") == 12 and "<script" not in text
    show(str(RECORDED / "great-firewall.jsonl.gz"), "telegram", html=page)
    assert page.read_text(encoding="utf-8").count("<article") == 1


def test_html_of_several_runs_shows_the_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, page = tmp_path / "a.jsonl", tmp_path / "receipt.html"
    some = [gzip.decompress((RECORDED / f"{name}.jsonl.gz").read_bytes()) for name in ("sni-reset", "clean")]
    file.write_bytes(b"".join(some))
    show(str(file), html=page)
    assert "The file contains 2 runs. The page shows the last one.\n" in capsys.readouterr().err
    assert "LAB clean" in (text := page.read_text(encoding="utf-8")) and "9 of 9 apps work" in text


def test_html_without_measurement_is_refused(tmp_path: Path) -> None:
    file, page = tmp_path / "a.jsonl", tmp_path / "receipt.html"
    file.write_text('{"torn')
    with pytest.raises(UsageError, match="contains no measurement that can be judged"):
        show(str(file), html=page)
    assert not page.exists()


def test_list_shows_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(results=root, verbose=True)
    out = capsys.readouterr().out
    assert out.index("080000-bb") < out.index("090000-aa")
    assert "XX AS1\n     1 not tested to its end\n     1 unusable line\n" in out
    assert summarize(next(root.rglob("*bb.jsonl"))).tests == {"telegram": 1}


def test_transaction_is_described() -> None:
    words = describe_transaction(
        {
            "kind": "followup",
            "followup": "same_name_neutral_host",
            "sent_name": "web.telegram.org",
            "address": "192.0.2.7",
            "port": 443,
            "failed_operation": "tls_handshake",
            "failure": "connection_reset",
            "t0": 1.0,
            "t": 1.04,
        }
    )
    assert words == (
        "sent web.telegram.org to the neutral host 192.0.2.7 port 443: "
        "failed in tls_handshake with connection_reset (0.04 s)"
    )
