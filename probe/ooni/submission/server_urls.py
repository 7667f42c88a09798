"""Check the address of a server to which measurements may be sent."""

import ipaddress
from urllib.parse import urlsplit


def is_safe_server(url: str) -> bool:
    """Return True for an address with TLS, and without TLS for one of this computer only.

    Others could read what is sent without TLS.
    """
    parts = scheme_and_host(url)
    usable = parts is not None and (parts[0] == "https" or (parts[0] == "http" and _is_here(parts[1])))
    return usable and not set("?#@") & set(url)


def scheme_and_host(url: str) -> tuple[str, str] | None:
    """Return scheme and host of an address, None if it is none."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and url.isascii() and url.isprintable()
    except ValueError:
        return None
    return (parts.scheme, parts.hostname or "") if usable and " " not in url else None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
