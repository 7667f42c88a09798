"""Choose what a descriptor asks for: our targets, and a target for each of its web addresses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from probe.messages import listed, tr, tr_plural
from probe.ooni.run_links.descriptor import DescribedTest, Descriptor
from probe.targets.target import Target
from probe.targets.url_lists import NETTEST, WebList

ALIASES = {
    "stun_reachability": "stunreachability",
    "dns_check": "dnscheck",
    "web_connectivity@v0.5": NETTEST,
}
"""Other names that OONI's programs accept.

Source, opened 2026-11-28:
https://github.com/ooni/probe-cli/blob/7cb22410c98db6dbc801887d93b65c8a5318ad07/internal/experimentname/experimentname.go
"""
WHOLE = frozenset({"telegram", "whatsapp", "signal", "facebook_messenger"})  # tests without inputs
BY_INPUT = frozenset({"stunreachability", "dnscheck", "echcheck"})  # an input is one service of a target

InputOf = Callable[[Target], str | None]
"""Return the input that a measurement of a target has, with the nettest's rules."""


@dataclass
class ListChoice:
    """Hold the targets of a descriptor, and a sentence about each kind of thing that is left out."""

    targets: list[Target] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> list[Target]:
        return [target for target in self.targets if target.by_stranger]

    @property
    def apps(self) -> list[Target]:
        return [target for target in self.targets if not target.by_stranger]


def choose(descriptor: Descriptor, known: Sequence[Target], input_of: InputOf) -> ListChoice:
    """Choose among the targets `known`, which are ours, and the descriptor's web addresses."""
    choice, ours, web, strange = ListChoice(), dict[str, set[str]](), WebList(any_port=False), list[str]()
    for test in descriptor.nettests:
        name = ALIASES.get(test.test_name, test.test_name)
        if test.is_manual_run_enabled is False:
            choice.left_out.append(tr("{test} is left out, because the list wants it for timed runs only.", test=name))
        elif name == NETTEST:
            choice.left_out += _take_addresses(test, web)
        elif name in WHOLE | BY_INPUT:
            choice.left_out += _take_services(test, name, known, input_of, ours)
        else:
            strange.append(name or "?")
    choice.targets += _targets(known, ours)
    choice.targets += [replace(target, by_stranger=True) for target in web.targets]
    choice.targets = [replace(target, run_link=descriptor.oonirun_link_id or "") for target in choice.targets]
    choice.left_out += [*_about_rows(web), *_about_tests(strange), *_about_options(descriptor)]
    return choice


def _take_addresses(test: DescribedTest, web: WebList) -> Iterator[str]:
    """Add the web addresses of a test. Yield a sentence if only OONI's server knows them."""
    if not test.inputs:
        yield tr("Web addresses that OONI's server chooses for your country are left out, and are not asked for.")
    for number, url in enumerate(test.inputs or ()):
        web.take(url, test.category_of(number), NETTEST)


def _take_services(
    test: DescribedTest, name: str, known: Sequence[Target], input_of: InputOf, ours: dict[str, set[str]]
) -> Iterator[str]:
    """Add our services of a test to `ours`, by target. Yield a sentence if some inputs are not among them."""
    targets = [target for target in known if target.nettest == name and not target.retired]
    wanted, found = set(test.inputs or ()) - {""}, set[str]()  # OONI's app gives echcheck an empty input
    for target in targets:
        inputs = {role: input_of(target.only([role])) for role in target.services}
        found |= {given for given in inputs.values() if given is not None}
        by_input = bool(wanted) and name in BY_INPUT
        roles = [role for role, given in inputs.items() if given in wanted or not by_input]
        ours.setdefault(target.name, set()).update(roles)
    if missing := len(wanted - found):
        yield tr_plural(
            "{count} server of {test} is left out, because it is not in our target files.",
            "{count} servers of {test} are left out, because they are not in our target files.",
            missing,
            test=name,
        )
    elif not targets:
        yield tr("{test} is left out, because no target file has it.", test=name)


def _targets(known: Sequence[Target], ours: dict[str, set[str]]) -> Iterator[Target]:
    for target in known:
        if roles := ours.get(target.name):
            yield target if roles == set(target.services) else target.only(roles)


def _about_rows(web: WebList) -> Iterator[str]:
    yield from web.problems
    if (more := web.unusable - len(web.problems)) > 0:
        yield tr_plural("{count} more row is left out.", "{count} more rows are left out.", more)


def _about_tests(names: Sequence[str]) -> Iterator[str]:
    if names:
        named = listed([*dict.fromkeys(names)][:10])
        yield tr("This program does not have these tests of OONI, which are left out: {tests}.", tests=named)


def _about_options(descriptor: Descriptor) -> Iterator[str]:
    names = dict.fromkeys(test.test_name for test in descriptor.nettests if test.options)
    if names:
        yield tr("Options of these tests are not used: {tests}.", tests=listed([*names][:10]))
