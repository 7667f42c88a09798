"""Name the reason for a verdict that accuses and has no hop."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from probe.analysis.observations.lenient_json import table
from probe.analysis.verdicts.hops.results import ANSWERS_CHANGED, AT_SERVER, NOT_FOUND, NOT_SEARCHED, SearchResult
from probe.messages import mark
from probe.signatures.hop_mechanisms import LAYERS, QUOTED_LAYERS

RESOLVER, RATE, NO_SEARCH = "resolver", "rate", "no_search"
NO_ICMP_ERRORS = "no_icmp_errors"

SENTENCES: dict[str, str] = {
    AT_SERVER: mark("The interference shows only at the distance of the server. No router on the path can be named."),
    NOT_FOUND: mark("The path was searched, and the search showed no clear place."),
    NOT_SEARCHED: mark("The path was not searched: time or attempts were spent, or the search was switched off."),
    NO_ICMP_ERRORS: mark("This system does not show which router reported an error, so the path was not searched."),
    RESOLVER: mark("The resolver gives false answers or none, or nothing shows that they come from the path."),
    RATE: mark("Packets are slowed or lost at times, which shows no place on the path."),
    ANSWERS_CHANGED: mark("The answers of the server are changed on their way back, which shows no place on the path."),
    NO_SEARCH: mark("No search on the path exists for this kind of interference."),
}
"""Each value of `hop_reason` with its sentence, those that say most about this measurement first."""

_NEVER = {
    RESOLVER: ("dns.",),
    RATE: (
        *("tls.throttle.", "http.throttle.", "quic.throttle.", "media.throttle.", "media.loss.", "media.jitter."),
        "tls.policing.",
    ),
    ANSWERS_CHANGED: ("smtp.starttls_stripped.", "imap.starttls_stripped.", "sip.rewrite."),
}
"""Prefixes of mechanisms that no search locates, unless a search found the packets of the path that show them."""

_NOT_OVER_QUIC = "flow.freeze."
"""Prefix of mechanisms that a search locates over TCP alone."""


def hop_reason(
    service: str,
    mechanisms: Iterable[str],
    results: Collection[SearchResult],
    run: Mapping[str, Any],
    over_quic: Collection[str] = (),
) -> str | None:
    """Return why a verdict with these mechanisms has no hop, None without mechanisms. `run` is the key `x_run`.

    `over_quic` are those of them that only endpoints over QUIC have.
    """
    found = {
        NO_SEARCH if one in over_quic and f"{one}.".startswith(_NOT_OVER_QUIC) else _reason(service, one, results, run)
        for one in mechanisms
    }
    return next((reason for reason in SENTENCES if reason in found), None)


def _reason(service: str, mechanism: str, results: Collection[SearchResult], run: Mapping[str, Any]) -> str:
    for result in results:
        if result.concerns(service, [mechanism]):
            return result.reason or NOT_FOUND
    for reason, prefixes in _NEVER.items():
        if f"{mechanism}.".startswith(prefixes):
            return reason
    if not any(f"{mechanism}.".startswith(one) for one in (*LAYERS.values(), *QUOTED_LAYERS.values())):
        return NO_SEARCH
    told = table(run.get("abilities")).get("icmp_errors")
    return NO_ICMP_ERRORS if told is False else NOT_SEARCHED
