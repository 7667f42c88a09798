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
from probe.cli.run.progress import ProgressLines
from probe.messages import catalogue
from probe.platforms import own_addresses
from probe.privacy.redact import KnownIdentifiers
from probe.run.network import preflight as preflight_module
from probe.run.vantage import Vantage
from probe.session.session import Session
from tests.control.test_liveness import unused
from tests.control.test_own import helper, sending
from tests.support.ooni.helper import SimulatedHelper, serving_helper

FIT = {"network": True, "portal": None, "clock_skew": 0.0, "vpn": False, "tls_interception": None}
UNFIT = {"vpn": {"vpn": True}, "clock": {"clock_skew": 400 * 86400.0}, "tls_interception": {"tls_interception": "all"}}
HERE = Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, KnownIdentifiers(), "")


@pytest.fixture
def examined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def go(facts: dict[str, Any], control: str | None = None, **options: Any) -> tuple[int, str]:
        async def preflight(session: Session, roots: Any = None) -> None:
            session.preflight = FIT | facts

        async def no_queries(session: Session) -> None:
            session.name_filter = name_filter

        async def long_datagrams_pass(session: Session) -> bool | None:
            return long_datagrams

        name_filter = options.pop("name_filter", None)
        long_datagrams = options.pop("long_datagrams", None)
        monkeypatch.setattr(preflight_module, "preflight", preflight)
        monkeypatch.setattr("probe.resolution.filter_checks.check_name_filter", no_queries)
        monkeypatch.setattr("probe.run.network.long_datagrams.long_datagrams_pass", long_datagrams_pass)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        with pytest.raises(typer.Exit) as ended:
            doctor(control=control, consent=VERSION, **options)
        return ended.value.exit_code, capfd.readouterr().out

    return go


def test_fit_network_exits_with_0(examined: Callable[..., tuple[int, str]]) -> None:
    code, out = examined({})
    assert code == 0 and "This network is fit to measure from." in out


@pytest.mark.parametrize(
    ("controls", "title", "said"),
    [(3, None, "names of advertising"), (2, None, ""), (0, "AdGuard DNS", "filters names: AdGuard DNS"), (0, None, "")],
)
def test_filter_of_names_is_noted(
    examined: Callable[..., tuple[int, str]], controls: int, title: str | None, said: str
) -> None:
    control = {"kind": "advertisement", "known": True, "answer": "null"}
    facts = {"resolver": "local_network", "title": title, "controls": [control] * controls}
    code, out = examined({}, name_filter=facts)
    assert code == 0 and ("name filter" in out) == bool(said) and said in " ".join(out.split())


def test_names_in_the_hosts_file_are_noted(
    examined: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"web.telegram.org": ["0.0.0.0"]}
    monkeypatch.setattr("probe.cli.run.findings.addresses_in_hosts_file", lambda name: found.get(name, []))
    code, out = examined({})
    assert code == 0 and "hosts file" in out and "web.telegram.org" in out
    found.clear()
    assert "hosts file" not in examined({})[1]


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


async def test_helper_of_ooni_is_fine_and_its_right_name_is_told(examined: Callable[..., tuple[int, str]]) -> None:
    import asyncio

    async with serving_helper(SimulatedHelper()) as url:
        code, out = await asyncio.to_thread(examined, {}, url)
    assert code == 0 and f"Write ooni+{url} from now on." in " ".join(out.split())


def shown(report: Callable[[ProgressLines], None], helpers: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    report(ProgressLines(3, stream, helpers))
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
    assert "This command installs it:" in " ".join(out.split())


def test_route_that_forbids_a_tested_address_is_named(
    examined: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let no address of Telegram's have a source address, as behind a route of the type prohibit."""
    monkeypatch.setattr(own_addresses, "_source", lambda ip: None if ip.startswith("149.154.") else "192.168.1.5")
    code, out = examined({})
    assert code == 0 and "forbids connections to" in out and "Telegram" in out
    monkeypatch.setattr(own_addresses, "_source", lambda ip: None if ":" in ip else "192.168.1.5")
    code, out = examined({})
    assert "No route of this computer forbids a tested address." in " ".join(out.split())


@pytest.mark.parametrize(
    ("passed", "said"), [(False, "Short UDP packets pass here"), (True, "UDP packets of 1200 bytes arrive"), (None, "")]
)
def test_size_of_datagrams_is_named(examined: Callable[..., tuple[int, str]], passed: bool | None, said: str) -> None:
    code, out = examined({}, long_datagrams=passed)
    assert code == 0 and ("UDP packet size" in out) == bool(said) and said in out


def test_second_connection_and_a_change_during_the_check_are_named(
    examined: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.cli.run.own_network.default_interfaces", lambda: ["eth0", "wwan0"])
    monkeypatch.setattr("probe.run.network.network_changes.NetworkChanges.look", lambda own: ["network", "sleep"])
    code, out = examined({})
    words = " ".join(out.split())
    assert code == 0 and "several connections to the Internet: eth0, wwan0" in words
    assert "changed during this check" in words and "slept during this check" in words


@pytest.mark.parametrize(("assigned", "said"), [("elsewhere", True), (None, False)])
def test_name_server_that_the_network_did_not_assign_is_named(
    examined: Callable[..., tuple[int, str]], assigned: str | None, said: bool
) -> None:
    code, out = examined({}, name_filter={"title": None, "controls": [], "assigned": assigned})
    assert code == 0 and ("another name server than your network assigned" in " ".join(out.split())) == said
    assert sum(line.split()[1:2] == ["resolver"] for line in out.splitlines()) == 1
