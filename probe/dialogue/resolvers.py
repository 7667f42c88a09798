"""What is said to resolvers: one question, for a neutral host's address, over UDP, TCP, TLS and HTTPS.

The name asked for is no target's, so that a refusal to answer is the resolver's or a censor's of resolvers.
"""

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import connect, secure
from probe.steps.connection import address_of
from probe.steps.dns.dns import StreamResolver, query_udp
from probe.steps.dns.doh import DoHResolver

QUERY_TYPE = "A"


def asked_for(talk: Exchange) -> str:
    """The neutral name."""
    return talk.session.neutral.endpoints[0].host


async def say_dns_udp(talk: Exchange) -> None:
    """A datagram of its own; sent again once, which counts as one more trigger where the question is one (law 7)."""
    await talk.trigger()
    limit = talk.pace.tls_timeout(confirm=talk.confirm)
    await query_udp(
        talk.tx, talk.ip, asked_for(talk), QUERY_TYPE, pace=talk.pace, port=talk.endpoint.port, timeout=limit
    )


async def say_dns_tcp(talk: Exchange) -> None:
    conn = await connect(talk)
    resolver = StreamResolver(conn, address_of(talk.ip, talk.endpoint.port), engine="tcp", pace=talk.pace)
    await resolver.query(talk.tx, asked_for(talk), QUERY_TYPE, confirm=talk.confirm)


async def say_dot(talk: Exchange) -> None:
    conn = await secure(talk, await connect(talk))
    resolver = StreamResolver(conn, address_of(talk.ip, talk.endpoint.port), pace=talk.pace)
    await resolver.query(talk.tx, asked_for(talk), QUERY_TYPE, confirm=talk.confirm)


async def say_doh(talk: Exchange) -> None:
    conn = await secure(talk, await connect(talk))
    await DoHResolver(conn, query_url(talk), pace=talk.pace).query(
        talk.tx, asked_for(talk), QUERY_TYPE, confirm=talk.confirm
    )


def query_url(talk: Exchange) -> str:
    """Where DoH's questions go (RFC 8484)."""
    endpoint = talk.endpoint
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    port = "" if endpoint.port == endpoint.facts.default_port else f":{endpoint.port}"
    return f"https://{host}{port}{endpoint.path or '/dns-query'}"


DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {
    "dns+udp": say_dns_udp,
    "dns+tcp": say_dns_tcp,
    "dot": say_dot,
    "doh": say_doh,
}
