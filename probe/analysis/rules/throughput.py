"""Define the rules about the throughput of a name, which two connections compare.

They hold for a service that works otherwise, or whose pages only come too slowly for the time limit. Pages must come
slowly here and not at the test helper. All usable pairs must agree, and pages and pairs must together give three
observations. A pair over QUIC is of the service's own page. It has at least six observations of each name.
"""

from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.service_conditions import WORKS_OTHERWISE, WORKS_SLOWLY
from probe.messages import mark

_PLAIN = mark(
    "{service} is slowed down in this network. Under its name {slow_low} to {slow_high} of 100 bytes arrive, compared "
    "with another name. Pages and files load slowly."
)


_QUIC_LIMITED = (
    f"{WORKS_OTHERWISE} AND control_successes > 0 AND quic_page_pairs > 0 AND quic_page_limited = quic_page_pairs"
    " AND quic_slow_pages > 0"
)


def _limited(prefix: str) -> str:
    """Return the condition on the columns with a prefix: `clear_` for HTTP without TLS."""
    pairs, limited, slow = (f"{prefix}{column}" for column in ("transfer_pairs", "transfer_limited", "slow_pages"))
    return (
        f"{WORKS_SLOWLY} AND control_successes > 0 AND {pairs} > 0 AND {limited} = {pairs}"
        f" AND {slow} > 0 AND {slow} + {limited} >= 3"
    )


_WORKS = (
    "ok > 0 AND blocked + likely_blocked + degraded = 0 AND (any_suffices OR impaired + down + insufficient + untested"
    " = 0)"
)
_ADDRESS_LIMITED = (
    f"{_WORKS} AND control_successes > 0 AND address_pages > 0 AND address_limited = address_pages"
    " AND address_slow_pages > 0 AND transfer_limited = 0"
)

SLOW_RULES = (
    Rule(
        "service_address_slow",
        _ADDRESS_LIMITED,
        State.OK,
        mechanism="ip.throttle",
        because=(
            "Pages come slowly from this address with the service's name and with an innocuous one. Bytes from the "
            "test helper are fast at the same time, and the test helper gets the pages fast. A limit by address, a "
            "crowded connection between networks, and a server that limits this country look the same."
        ),
        plain=mark(
            "{service} works, but its servers send slowly to this network: {slow_low} to {slow_high} of 100 bytes "
            "arrive, compared with our test helper. The cause may be this network, a network on the way, or the "
            "service itself."
        ),
    ),
    Rule(
        "service_udp_slow",
        f"{_WORKS} AND udp_limited > 0 AND 2 * udp_limited > media_pairs",
        State.OK,
        mechanism="udp.throttle",
        because=(
            "Call packets and random packets are lost alike over UDP, and a transfer over TCP to the same helper keeps "
            "its pace in this direction. A tariff that limits UDP looks the same."
        ),
        plain=mark(
            "{service} works, but {low} to {high} of 100 call packets get lost here, whatever app they are of. Other "
            "connections to our test helper are fast. A tariff can do this. Calls probably sound bad here."
        ),
    ),
)
"""Rules that do not accuse. They come after all that do."""

THROUGHPUT_RULES = (
    Rule(
        "service_name_throttled",
        _limited(""),
        State.DEGRADED,
        mechanism="tls.throttle.sni",
        because=(
            "Transfers from the test helper get less than half of the throughput with this server name. Those with an "
            "innocuous name, at the same time, keep their pace."
        ),
        plain=_PLAIN,
    ),
    Rule(
        "service_host_throttled",
        _limited("clear_"),
        State.DEGRADED,
        mechanism="http.throttle.host",
        because=(
            "Transfers from the test helper over HTTP without TLS get less than half of the throughput with this Host "
            "header. Those with an innocuous name, at the same time, keep their pace."
        ),
        plain=_PLAIN,
    ),
    Rule(
        "service_quic_name_throttled",
        _QUIC_LIMITED,
        State.DEGRADED,
        mechanism="quic.throttle.sni",
        because=(
            "The service's page gets less than half of the throughput over QUIC with this server name. With an "
            "innocuous name at the same address, in turns, it is fast. Pages over TLS with this name are fast, or "
            "transfers from the test helper show that they are slowed down by it too."
        ),
        plain=_PLAIN,
    ),
)
