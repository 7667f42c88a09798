"""Check the addresses of a server and of a proxy that a user gives."""

import ipaddress
from urllib.parse import urlsplit

from probe.cli.screen import UsageError
from probe.messages import tr

PROXIES = ("http", "https", "socks5", "socks5h")


def server_address(url: str) -> str:
    """Return the address of a server without a slash at its end. Raise UsageError (2).

    Without TLS only a server on this computer is allowed, because others could read what is sent.
    """
    parts = _parts(url)
    usable = parts is not None and (parts[0] == "https" or (parts[0] == "http" and _is_here(parts[1])))
    if not usable or set("?#@") & set(url):
        raise UsageError(tr("--server: '{url}' cannot be used. Use the form https://HOST/.", url=url), 2)
    return url.rstrip("/")


def proxy_address(url: str | None) -> str | None:
    """Return the address of a proxy, None for none. Raise UsageError (2)."""
    if url is None:
        return None
    parts = _parts(url)
    if parts is None or parts[0] not in PROXIES or set("?#") & set(url) or not urlsplit(url).port:
        raise UsageError(
            tr("--proxy: '{url}' cannot be used. Use the form http://HOST:PORT or socks5://HOST:PORT.", url=url), 2
        )
    return url.rstrip("/")


def _parts(url: str) -> tuple[str, str] | None:
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
