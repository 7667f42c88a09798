"""Query a resolver for a neutral host's address over UDP, TCP, TLS and HTTPS.

The queried name belongs to no target. A missing answer is therefore due to the resolver or to a censor of resolvers.
"""

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import connect, secure
from probe.steps.connection import address_of
from probe.steps.dns.dns import StreamResolver, query_udp
from probe.steps.dns.doh import DoHResolver

QUERY_TYPE = "A"


def queried_name(exchange: Exchange) -> str:
    """Return the neutral name that is queried."""
    return exchange.session.neutral.endpoints[0].host


async def run_dns_udp(exchange: Exchange) -> None:
    """Send one query as a datagram. Its one retransmission counts as a second trigger (P7)."""
    await exchange.trigger()
    limit = exchange.pace.tls_timeout(confirm=exchange.confirm)
    await query_udp(
        exchange.tx,
        exchange.ip,
        queried_name(exchange),
        QUERY_TYPE,
        pace=exchange.pace,
        port=exchange.endpoint.port,
        timeout=limit,
    )


async def run_dns_tcp(exchange: Exchange) -> None:
    conn = await connect(exchange)
    resolver = StreamResolver(conn, address_of(exchange.ip, exchange.endpoint.port), engine="tcp", pace=exchange.pace)
    await resolver.query(exchange.tx, queried_name(exchange), QUERY_TYPE, confirm=exchange.confirm)


async def run_dot(exchange: Exchange) -> None:
    """Send one query over TLS (RFC 7858)."""
    conn = await secure(exchange, await connect(exchange))
    resolver = StreamResolver(conn, address_of(exchange.ip, exchange.endpoint.port), pace=exchange.pace)
    await resolver.query(exchange.tx, queried_name(exchange), QUERY_TYPE, confirm=exchange.confirm)


async def run_doh(exchange: Exchange) -> None:
    """Send one query over HTTPS (RFC 8484)."""
    conn = await secure(exchange, await connect(exchange))
    await DoHResolver(conn, query_url(exchange), pace=exchange.pace).query(
        exchange.tx, queried_name(exchange), QUERY_TYPE, confirm=exchange.confirm
    )


def query_url(exchange: Exchange) -> str:
    """Return the URL for DoH queries (RFC 8484)."""
    endpoint = exchange.endpoint
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    port = "" if endpoint.port == endpoint.facts.default_port else f":{endpoint.port}"
    return f"https://{host}{port}{endpoint.path or '/dns-query'}"


DIALOGUES: dict[str, Dialogue] = {
    "dns+udp": run_dns_udp,
    "dns+tcp": run_dns_tcp,
    "dot": run_dot,
    "doh": run_doh,
}
