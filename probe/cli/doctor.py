"""`probe doctor`: the preflight in words, each finding with what to do about it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import say, wrapped

app = new_app()
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Finding:
    """One thing about this network: `fine`, worth a `note`, or `bad` so that a run cannot be used."""

    subject: str
    state: Literal["fine", "note", "bad"]
    sentence: str


@app.command()
def doctor(
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    control: Annotated[str | None, opt("--control", help="URL of a test helper, or several: do they answer?")] = None,
    consent: Annotated[str | None, opt("--consent", help="Version of the consent text that you agree to.")] = None,
    json: Annotated[bool, opt("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Say whether this network is fit to measure from.

    Contacts neutral hosts and resolvers only, never a service that is measured.
    """
    import asyncio

    from probe.cli import consent as agreement
    from probe.cli.run import control_urls
    from probe.cli.running import open_session
    from probe.runner import usable

    wishes = _wishes(targets_folder(targets), control_urls(control, None))
    session, roots = open_session(wishes)
    agreement.require(consent, wishes.targets)
    health = asyncio.run(_examine(session, roots))
    facts = session.preflight
    found = findings(facts)
    found += [_helper_finding(url, failure) for url, failure in health.items()]
    _print(found, facts, json)
    raise typer.Exit(0 if usable(facts) else 4)


def _wishes(folder: Path, control: tuple[str, ...]) -> Any:
    from probe.cli.run import Wishes

    both = frozenset({4, 6})
    return Wishes(
        (), folder, None, None, control, None, None, 1, "standard", None, None, None, False, False, both, True, False
    )


async def _examine(session: Any, roots: Any) -> dict[str, str | None]:
    """Run the preflight and ask each helper for its health; returns its failure or None, by URL."""
    from probe.control import health
    from probe.preflight import preflight

    try:
        await preflight(session, roots)
        pin = session.settings.control_pin
        return {url: await health(url, roots=roots, pin=pin) for url in session.settings.control}
    finally:
        await session.close()


def _helper_finding(url: str, failure: str | None) -> Finding:
    if failure is None:
        return Finding("test helper", "fine", f"{url} answers")
    return Finding("test helper", "note", f"{url} does not answer ({failure}); check the URL, or name another")


def _print(found: list[Finding], facts: Mapping[str, Any], json: bool) -> None:
    if json:
        from json import dumps

        rows = [{"subject": row.subject, "state": row.state, "sentence": row.sentence} for row in found]
        print(dumps({"findings": rows, "preflight": facts}, sort_keys=True))
        return
    for row in found:
        say(sys.stdout, wrapped(row.sentence, 21, f"  {row.state:<5} {row.subject:<13}"))
    worst = "bad" if any(row.state == "bad" for row in found) else "fine"
    say(sys.stdout)
    say(sys.stdout, "Not fit to measure from." if worst == "bad" else "Fit to measure from: `probe run`.")


def findings(facts: Mapping[str, Any]) -> list[Finding]:
    """The preflight facts in words, each with what to do; most important first."""
    return [
        _connection(facts),
        _portal(facts),
        _clock(facts),
        _vpn(facts),
        _interception(facts),
        _families(facts),
        _udp(facts),
        _resolver(facts),
        _proxy(facts),
    ]


def _connection(facts: Mapping[str, Any]) -> Finding:
    if facts.get("network") is False:
        return Finding("connection", "bad", "nothing answers, not even neutral hosts; connect first, then run again")
    neutral = facts.get("neutral") or []
    proven = sum(host.get("failure") is None for host in neutral)
    return Finding("connection", "fine", f"working: {proven} of {len(neutral)} neutral hosts proved themselves")


def _portal(facts: Mapping[str, Any]) -> Finding:
    if facts.get("portal"):
        return Finding("sign-in page", "bad", "one answers for other hosts; open a browser, sign in, then run again")
    return Finding("sign-in page", "fine", "none found")


def _clock(facts: Mapping[str, Any]) -> Finding:
    skew = facts.get("clock_skew")
    if skew is None:
        return Finding("clock", "note", "not compared, because no neutral host said the time")
    if abs(skew) > 86400:
        days = abs(skew) / 86400
        return Finding(
            "clock", "bad", f"{days:.0f} day(s) off, so certificates cannot be judged; set it, then run again"
        )
    if abs(skew) > 300:
        return Finding("clock", "note", f"{abs(skew) / 60:.0f} minutes off; set it when you can")
    return Finding("clock", "fine", f"within {max(1, round(abs(skew)))} s")


def _vpn(facts: Mapping[str, Any]) -> Finding:
    if facts.get("vpn"):
        return Finding("VPN", "bad", "one carries the traffic, so it would be measured instead; switch it off first")
    return Finding("VPN", "fine", "none on the route")


def _interception(facts: Mapping[str, Any]) -> Finding:
    if facts.get("tls_interception"):
        why = "something on this computer or network opens every connection (antivirus, employer); pause it first"
        return Finding("encryption", "bad", why)
    if facts.get("network") is False:
        return Finding("encryption", "note", "not known, because no neutral host answered")
    return Finding("encryption", "fine", "neutral hosts show their own certificates")


def _families(facts: Mapping[str, Any]) -> Finding:
    have = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if facts.get(key)]
    if not have:
        return Finding("addresses", "note", "neither IPv4 nor IPv6 works")
    if len(have) == 2:
        return Finding("addresses", "fine", "IPv4 and IPv6 work")
    return Finding("addresses", "fine", f"only {have[0]} works; endpoints of the other family are left out")


def _udp(facts: Mapping[str, Any]) -> Finding:
    udp = facts.get("udp")
    if udp is None:
        return Finding("UDP", "note", "not known")
    return Finding("UDP", "fine", "works") if udp else Finding("UDP", "note", "nothing comes back, so no calls either")


def _resolver(facts: Mapping[str, Any]) -> Finding:
    kind = facts.get("resolver_class") or "none"
    if kind == "none":
        return Finding("resolver", "note", "none is set up in resolv.conf; names will not resolve here")
    words = {"private": "a device on your own network", "isp": "your provider's", "public": "a public one"}
    return Finding("resolver", "fine", words.get(kind, kind))


def _proxy(facts: Mapping[str, Any]) -> Finding:
    named = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if facts.get("proxy_environment") or named:
        return Finding("proxy", "note", "a proxy is set in the environment; measurements go around it")
    return Finding("proxy", "fine", "none set in the environment")
