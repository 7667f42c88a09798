"""Compare wall time with the necessary round trips, in a clean run and in one with silent services."""

from pathlib import Path

from probe.lab.run import expected_services
from probe.session.pacing import CONFIRM, TCP_FIRST
from probe.targets.target_files import bundled_targets
from tests.bench.running import Ran, ran, scenario_of
from tests.bench.table import row

ROUND_TRIP = 0.1  # seconds
TRIPS = {
    "resolve": 1,
    "connect": 1,
    "tls_handshake": 1,
    "http_round_trip": 1,
    "mtproto_exchange": 1,
    "noise_handshake": 1,
    "stun_exchange": 1,
    "sip_options": 1,
    "quic_handshake": 2,  # RFC 9001 4.1.2: confirmed by the server
    "mail_greeting": 2,  # the banner comes one round trip after the connection, then EHLO
    "mail_starttls": 1,
}
PREFLIGHT = 3  # resolve, connect and hello at a neutral host, which prove that a network exists
INNOCUOUS = 2  # connect and an innocuous hello before the name (P8)


def longest_chain(run: Ran) -> int:
    """Return the most round trips of one endpoint, lookup included. No banner comes after STARTTLS."""
    return max(
        sum(map(TRIPS.__getitem__, tx["steps"]))
        - ("mail_starttls" in tx["steps"])
        + ("literal" not in tx["address_sources"])
        for tx in run.own()
    )


def clean(folder: Path) -> Ran:
    """Measure a clean full run at 100 ms."""
    run = ran(scenario_of(f"[path]\nrtt_ms = {ROUND_TRIP * 1000}", folder, "clean-100"), folder)
    chain = longest_chain(run)
    lawful = chain + PREFLIGHT + INNOCUOUS
    wall = run.on_the_wire
    row("clean full run at 100 ms, first packet to last answer", f"{wall:.2f} s")
    bare = wall / (chain * ROUND_TRIP)
    row(f"  / the longest endpoint's {chain} round trips", f"{bare:.2f}", "at most 1.3", bare <= 1.3)
    row(f"  / {lawful}: with preflight and the harmless name, which laws demand", f"{wall / lawful / ROUND_TRIP:.2f}")
    costs(run)
    alone(folder)
    return run


def alone(folder: Path) -> None:
    """Measure one target, so that the machine, which also carries the lab, is not the limit."""
    run = ran(scenario_of(f"[path]\nrtt_ms = {ROUND_TRIP * 1000}", folder, "alone-100"), folder, "gmail", control=False)
    chain, took = longest_chain(run), float(run.lines[0]["test_runtime"])
    ratio = took / (chain * ROUND_TRIP)
    row("one target (gmail) at 100 ms, behind preflight", f"{took:.2f} s")
    row(f"  / its longest endpoint's {chain} round trips", f"{ratio:.2f}", "at most 1.3", ratio <= 1.3)


def costs(run: Ran) -> None:
    peak, heavy = run.cost["peak_mb"], run.cost["heavy"]
    row("  CPU a transaction", f"{run.cost['cpu'] / run.transactions * 1000:.1f} ms")
    row("  transactions", str(run.transactions))
    row("  peak memory, verdicts included", f"{peak:.0f} MB", "under 90 MB", peak < 90)
    row("  scapy or duckdb in memory", ", ".join(heavy) or "none", "none", not heavy)
    row("  sent", f"{run.bytes_sent / 1000:.0f} kB", "under 1 MB", run.bytes_sent < 1_000_000)


def half_dropped(folder: Path) -> None:
    """Measure a run in which every second service is silently dropped."""
    targets = bundled_targets()
    whole = scenario_of("", folder, "whole")
    dropped = expected_services(whole, targets)[::2]
    censor = f'[[censor]]\nclass = "IPBlackhole"\nservices = {dropped!r}\n[path]\nrtt_ms = {ROUND_TRIP * 1000}'
    scenario = scenario_of(censor.replace("'", '"'), folder, "half-dropped")
    patient = TCP_FIRST + CONFIRM
    alone = ran(scenario, folder, "--no-followups").measuring
    row("half of the services dropped, --no-followups", f"{alone:.1f} s")
    row(f"  / first try and confirmation, {patient} s", f"{alone / patient:.2f}", "at most 1.2", alone <= 1.2 * patient)
    followed = ran(scenario, folder).measuring
    row("the same with follow-ups", f"{followed:.1f} s", "at most 45 s", followed <= 45)
