"""Compare client hellos with and without Encrypted ClientHello: in a browser's form and in ours, here and elsewhere.

A row counts only if its entry confirms the follow-up's label: the program, the name and the extension.
"""

from dataclasses import dataclass, fields, replace

from probe.analysis.features.network.checks import NeutralHosts
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.target import Endpoint, family_of

Rows = tuple[Observation, ...]


@dataclass(frozen=True)
class HellosWithECH:
    """Hold the flows that show whether a failure depends on the extension. The program is a browser's unless ours."""

    browser: Rows = ()  # the target's name with the extension, at the endpoint's address
    browser_without: Rows = ()  # the same without it
    innocuous: Rows = ()  # an innocuous name with it, at the endpoint's address
    neutral: Rows = ()  # a neutral host's own name with it
    neutral_without: Rows = ()  # the same without it
    neutral_ours: Rows = ()  # a neutral host's own name with it, in our hello
    name_ours: Rows = ()  # the target's name with it at a neutral host, in our hello
    name_ours_without: Rows = ()  # the same without it

    def rows(self) -> Rows:
        """Return all rows."""
        return tuple(row for field in fields(self) for row in getattr(self, field.name))

    def at_neutral_hosts(self, neutral: NeutralHosts) -> "HellosWithECH":
        """Return these flows without those to neutral hosts that did not work, or to other addresses in their place."""

        def kept(rows: Rows) -> Rows:
            return tuple(row for row in rows if neutral.worked(row))

        return replace(
            self,
            neutral=kept(self.neutral),
            neutral_without=kept(self.neutral_without),
            neutral_ours=kept(self.neutral_ours),
            name_ours=kept(self.name_ours),
            name_ours_without=kept(self.name_ours_without),
        )

    def without_fails_too(self, kind: str) -> bool:
        """Return whether nothing shows that the name in a browser's hello needs the extension to fail in this way.

        Old measurements do not say which hellos carried the extension, and compare none.
        """
        return not self.browser or (bool(self.browser_without) and _all_failed(self.browser_without, kind))

    def fails_with_any_name(self, kind: str) -> int:
        """Count the hellos with the extension that failed in this way, with any name, here and at a neutral host.

        The count is 0 unless all of them failed so, and each place answered hellos without it in between.
        """
        failed = (self.browser, self.innocuous, self.neutral, self.neutral_ours)
        here = _answered_between(self.browser_without, self.browser, self.browser + self.innocuous)
        there = _answered_between(self.neutral_without, self.neutral, self.neutral_ours)
        if not (here and there and all(failed) and self._is_without_length()):
            return 0
        rows = tuple(row for some in failed for row in some)
        return len(rows) if _all_failed(rows, kind) else 0

    def fails_with_name(self, kind: str) -> int:
        """Count the hellos with the extension that failed in this way with the target's name only.

        The count is 0 unless all of them failed so, and the name without the extension was answered at both places.
        An innocuous name with it must have been answered afterwards.
        """
        rows = self.browser + self.name_ours
        here = _answered_between(self.browser_without, self.browser, self.browser)
        other_name = _answered_between(self.innocuous, self.browser, ())
        there = _answered_between(self.name_ours_without, self.name_ours, ())
        if not (here and other_name and there and self._is_without_length()):
            return 0
        return len(rows) if _all_failed(rows, kind) else 0

    def _is_without_length(self) -> bool:
        """Return whether a longer hello was answered, so that no failure depends on the length."""
        longest = max((row.tls_hello_length for row in self.browser), default=0)
        return all(row.tls_hello_length >= longest for row in self.browser_without)


def hellos_with_ech_of(endpoint: Endpoint, address: str, target: Rows, proofs: Verified) -> HellosWithECH:
    """Return the hellos that serve an endpoint at an address. One of the address's family serves all.

    Those with a neutral host's own name serve all endpoints.
    """
    family = family_of(address)
    ours = {_program(row) for row in target if row.tls_attempts > 0}

    def of(kind: str, *, ech: bool, by_us: bool, named: bool) -> Rows:
        return tuple(
            row
            for row in proofs.probe.followups(kind)
            if row.family == family
            and row.tls_attempts > 0
            and row.tls_ech == ech
            and (_program(row) in ours) == by_us
            and _has_name(row, endpoint) == named
            and (row.endpoint == endpoint.url or kind.startswith("neutral_"))
        )

    return HellosWithECH(
        browser=of("browser_hello", ech=True, by_us=False, named=True),
        browser_without=of("browser_hello_without_ech", ech=False, by_us=False, named=True),
        innocuous=of("harmless_browser_hello", ech=True, by_us=False, named=False),
        neutral=of("neutral_browser_hello", ech=True, by_us=False, named=False),
        neutral_without=of("neutral_browser_hello_without_ech", ech=False, by_us=False, named=False),
        neutral_ours=of("neutral_hello_with_ech", ech=True, by_us=True, named=False),
        name_ours=of("hello_with_ech_neutral_host", ech=True, by_us=True, named=True),
        name_ours_without=of("same_name_neutral_host", ech=False, by_us=True, named=True),
    )


def _program(row: Observation) -> str:
    """Return the library that built the hello, without the words for a changed one."""
    return row.tls_engine.partition(",")[0]


def _has_name(row: Observation, endpoint: Endpoint) -> bool:
    return endpoint.host in {row.sent_name, row.tls_name}


def _all_failed(rows: Rows, kind: str) -> bool:
    return all(kind_of(row.tls_failure) == kind and not row.tls_answered for row in rows)


def _answered_between(passed: Rows, before: Rows, after: Rows) -> bool:
    """Return whether all were answered, each after one that failed and before another at the same address.

    Without rows that come after, the answer is the last. Otherwise an outage may have begun or ended in between.
    """
    return bool(passed) and all(
        row.tls_answered
        and any(one.address == row.address and one.t0 <= row.t0 for one in before)
        and (not after or any(one.address == row.address and one.t0 >= row.t0 for one in after))
        for row in passed
    )
