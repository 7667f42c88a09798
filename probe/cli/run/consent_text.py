"""Hold the consent text: the whole text, and its first screen, which has all risks and shortens the lists of hosts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from probe.cli.run.run_time import cost_of
from probe.cli.screen import UsageError, size, wrapped
from probe.messages import listed, mark, tr
from probe.targets.target import Endpoint
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target, pick_targets
from probe.targets.titles import shown_title

VERSION = "2026-12"  # of the texts below. A user who agreed to another version is asked again.
TEXT = (
    (
        mark("What it does"),
        mark(
            "It connects to {services} as their apps do, and records whether this network allows it. "
            "It uses no account and no login, and it sends no message."
        ),
    ),
    (
        mark("What it contacts"),
        mark(
            "The public servers of these services. Neutral hosts for comparison: {neutral}. "
            "Public resolvers, which see the names of the services: {resolvers}. {non_resolver} "
            "If a name server gives a false answer, it is asked for names of advertising and of tests of filters too. "
            "The name server that your network assigned to this computer is then asked for the same service. "
            "The test helper, if you name or choose one. "
            "With --input also the web addresses that you name and their redirects. "
            "A person who watches your connection sees their names. "
            "Leave out addresses that are not safe for you to be seen visiting."
        ),
    ),
    (
        mark("Who can notice"),
        mark(
            "Your internet provider, employer or school, or the operator of this network, can tell that you ran "
            "a measurement tool. The servers see your IP address, as when you use them."
        ),
    ),
    (
        mark("What can happen"),
        mark(
            "Some networks block a service, or a whole server, for some minutes after a blocked name was seen. "
            "You may then not reach it. At most 6 connections are made per name and server. "
            "--repeat N makes N times as many. --depth deep allows 120. "
            "Both make such a block more likely, and you easier to notice."
        ),
    ),
    (
        mark("What is kept"),
        mark(
            "A file on this computer. Nothing is uploaded. Your IP address, host name, user name and home folder are "
            "removed before the file is written. The number and country of your network stay in it. "
            "If something is blocked, the file also names routers on the way, but none near you. "
            "`probe wipe` removes settings and files."
        ),
    ),
    (
        mark("Time and data"),
        mark(
            "It takes about {fine} seconds if all works, and up to {limit} minutes on a slow network. "
            "It moves about {size}, and up to {most} where pages are large."
        ),
    ),
    (
        mark("Call packets"),
        mark(
            "If you name a test helper that reflects call packets, it gets packets like those of a call. "
            "They contain no voice and no name. A person who watches your connection may take them for a call to it. "
            "That takes up to {media_seconds} seconds and moves up to {media_size} more, with --depth deep three "
            "times as much."
        ),
    ),
    (
        mark("Test calls"),
        mark(
            "With --depth deep, a test helper that takes calls is called over SIP and WebRTC. "
            "The calls contain no voice and no name. A person who watches your connection sees a call to it. "
            "That takes up to {call_seconds} seconds and moves up to {call_size} more."
        ),
    ),
    (
        mark("Slow pages"),
        mark(
            "If pages come slowly, or call packets get lost, random data may pass between this computer and the test "
            "helper that you name. This is up to {transfer_size}. Where pages are slow, this connection shows the name "
            "of the slow app. A person who watches your connection sees that name with the address of the helper."
        ),
    ),
    (
        mark("Long connections"),
        mark(
            "With --depth deep, connections to one server of each service stay open for up to 30 seconds. "
            "They are asked again about once a second. A standard run does so only where something stopped late."
        ),
    ),
    (
        mark("A code for each month"),
        mark(
            "Only if you agree to it, each result has a code. All results of this computer have the same code for one "
            "month, and another one in the next month. "
            "Analysts then see how many computers found the same, so one computer is not taken for many. "
            "The code contains nothing about you. "
            "But a person who has several results sees from the code that they come from the same computer, and on "
            "which networks it was in that month. If that person knows that one of them is yours, all of them are "
            "known to be yours. "
            "A person who takes this computer can find your results of all months. "
            "Runs with --asn AS0 or --cc ZZ have no code. "
            "You can change this later with `probe config edit` (contributor-token) or in `probe ui`. "
            "`probe wipe` removes the secret that the codes are made with."
        ),
    ),
    (
        mark("When not to run it"),
        mark(
            "Do not run it if it could endanger you to be found with this tool. "
            "Do not run it on a network that is not yours to test, or if you need these services in the next minutes. "
            "If you are unsure, ask a person you trust who knows the law where you are."
        ),
    ),
)
SCREEN = (
    (
        mark("What it does"),
        mark("It connects to {services} as their apps do. It sends no message."),
    ),
    (
        mark("Contacts"),
        mark(
            "Their servers, {count} neutral hosts, public resolvers ({resolver_names}), and the test helper and web "
            "addresses that you choose."
        ),
    ),
    (
        mark("Risks"),
        mark(
            "Your internet provider, employer or school can notice that you measure. The servers see your IP address. "
            "Some networks then block a service for some minutes. "
            "Many rounds and a deep test make both more likely."
        ),
    ),
    (
        mark("What is kept"),
        mark(
            "A file on this computer, without your IP address and names. Nothing is uploaded. "
            "It names your network, its country and distant routers."
        ),
    ),
    (
        mark("Time and data"),
        mark(
            "About {fine} seconds, up to {limit} minutes on a slow network. "
            "About {size}, up to {most} where pages are large."
        ),
    ),
    (
        mark("Do not run it"),
        mark(
            "If it could endanger you to be found with this tool. If the network is not yours to test. "
            "If you need these services in the next minutes."
        ),
    ),
)


def text(folder: Path) -> list[str]:
    """Return the whole text in lines of 80 columns. The names in it come from the target files in `folder`."""
    lines = [tr("Please read this before anything is sent. It takes one minute."), ""]
    for title, body in sections(folder):
        lines += [wrapped(body, 21, _label(title, 21)), ""]
    return "\n".join(lines).split("\n")


def sections(folder: Path) -> list[tuple[str, str]]:
    """Return title and body of each section of the whole text. The names come from the target files in `folder`."""
    facts = _facts(folder)
    return [(tr(title), tr(body, **facts)) for title, body in TEXT]


def short_sections(folder: Path) -> list[tuple[str, str]]:
    """Return title and body of each section of the text that fits on one screen."""
    facts = _facts(folder)
    return [(tr(title), tr(body, **facts)) for title, body in SCREEN]


def first_screen(folder: Path) -> list[str]:
    """Return the text that fits on one screen with the questions, in lines of 80 columns."""
    lines = [tr("Please read this before anything is sent.")]
    lines += [wrapped(body, 16, _label(title, 16)) for title, body in short_sections(folder)]
    lines += [wrapped(tr("Type m to read the whole text, with the name of every host."))]
    return "\n".join(lines).split("\n")


def _label(title: str, width: int) -> str:
    """Return the title of a section, padded to the column of its text."""
    return f"  {title}" + " " * max(1, width - 2 - cell_len(title))


def _facts(folder: Path) -> dict[str, Any]:
    """Return what the placeholders of the texts stand for. Raises UsageError (2)."""
    try:
        targets = [target for target in pick_targets(folder, []) if not target.retired]
        resolvers = load_target(folder / "resolvers.toml")
        neutral = load_neutral(folder / "neutral.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    public = listed(f"{role} ({_listed(service.endpoints)})" for role, service in resolvers.services.items())
    checks = (check for check, _, _ in neutral.portal)
    hosts = _hosts([*neutral.endpoints, *neutral.reachability, *neutral.by_address, *neutral.home_hosts, *checks])
    hosts += [one.host for one in neutral.port_hosts]
    dark = tr("It also asks {address}, which should not answer.", address=neutral.dark) if neutral.dark else ""
    cost, deep = cost_of(targets), cost_of(targets, depth="deep")
    return {
        "services": listed(shown_title(target.title) for target in targets),
        "neutral": listed(hosts),
        "count": len(hosts),
        "resolvers": public,
        "resolver_names": listed(resolvers.services),
        "non_resolver": dark,
        "fine": cost.seconds,
        "limit": round(cost.limit / 60),
        "size": size(cost.moved),
        "most": size(cost.most_moved),
        "media_seconds": cost.media_seconds,
        "media_size": size(cost.media_moved),
        "call_seconds": deep.call_seconds,
        "call_size": size(deep.call_moved),
        "transfer_size": size(cost.transfers_moved),
    }


def _hosts(endpoints: Iterable[Endpoint]) -> list[str]:
    return list(dict.fromkeys(endpoint.host for endpoint in endpoints))


def _listed(endpoints: Iterable[Endpoint]) -> str:
    return listed(_hosts(endpoints))
