"""Find the client's address behind reverse proxies in `Forwarded` (RFC 7239) and `X-Forwarded-For`."""

import re
from collections.abc import Iterator, Sequence

from multidict import MultiMapping

from probe.http_server.peers import Address, Network, parse_address

MOST_HOPS = 16  # proxies in a row. Longer chains are no client's.

_PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"([^",;\\]*)"|([^",;\\\s]*))\s*')
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?")  # RFC 7239, section 6


def client_address(peer: str, headers: MultiMapping[str], trusted: Sequence[Network]) -> str | None:
    """Return the address of the client that asked, or None if the trusted proxy does not name it.

    `peer` is the address at the other end of the connection. The headers count only if `peer` is a trusted proxy, since
    any client can send them. From the right, the first address that is no trusted proxy is the client.
    If both headers are present and differ, the client sent one of them, and the result is None.
    """
    here = parse_address(peer)
    if here is None or not _among(here, trusted):
        return str(here) if here else None
    chains = [chain for chain in (_forwarded(headers), _x_forwarded_for(headers)) if chain is not None]
    clients = {_rightmost_untrusted(chain, trusted) for chain in chains} or {here}
    client = clients.pop()
    return str(client) if client is not None and not clients else None


def _among(ip: Address, networks: Sequence[Network]) -> bool:
    return any(ip in network for network in networks)


def _rightmost_untrusted(chain: list[str], trusted: Sequence[Network]) -> Address | None:
    """Return the first address from the right that is no trusted proxy. An unreadable entry before it gives None."""
    ip = None
    for node in reversed(chain[-MOST_HOPS:]):
        ip = _node(node)
        if ip is None or not _among(ip, trusted):
            return ip
    return ip


def _node(text: str) -> Address | None:
    """Parse an address with or without a port. IPv6 without brackets occurs in X-Forwarded-For."""
    match = _NODE.fullmatch(text)
    return parse_address((match[1] or match[2]) if match else text)


def _x_forwarded_for(headers: MultiMapping[str]) -> list[str] | None:
    lines = headers.getall("X-Forwarded-For", [])
    return [node.strip() for node in ",".join(lines).split(",")] if lines else None


def _forwarded(headers: MultiMapping[str]) -> list[str] | None:
    """Return the `for` nodes. Commas always separate, so that a client's open quote cannot hide the proxy's element."""
    lines = headers.getall("Forwarded", [])
    return [_for(element) for element in ",".join(lines).split(",")] if lines else None


def _for(element: str) -> str:
    """Return the `for` node of one element, or "" if the element is malformed or has not exactly one."""
    pairs = list(_pairs(element))
    nodes = [value for name, value in pairs if name == "for"]
    return nodes[0] if len(nodes) == 1 and all(name for name, _ in pairs) else ""


def _pairs(element: str) -> Iterator[tuple[str, str]]:
    for text in element.split(";"):
        match = _PAIR.fullmatch(text)
        yield (match[1].lower(), match[2] if match[2] is not None else match[3]) if match else ("", "")
