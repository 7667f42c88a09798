"""Check the addresses of a server and of a proxy that a user gives."""

from urllib.parse import urlsplit

from probe.cli.screen import UsageError
from probe.messages import tr
from probe.ooni.submission.server_urls import is_safe_server, scheme_and_host

PROXIES = ("http", "https", "socks5", "socks5h")


def server_address(url: str) -> str:
    """Return the address of a server without a slash at its end. Raise UsageError (2).

    Without TLS only a server on this computer is allowed, because others could read what is sent.
    """
    if not is_safe_server(url):
        raise UsageError(tr("--server: '{url}' cannot be used. Use the form https://HOST/.", url=url), 2)
    return url.rstrip("/")


def proxy_address(url: str | None) -> str | None:
    """Return the address of a proxy, None for none. Raise UsageError (2)."""
    if url is None:
        return None
    parts = scheme_and_host(url)
    if parts is None or parts[0] not in PROXIES or set("?#") & set(url) or not urlsplit(url).port:
        raise UsageError(
            tr("--proxy: '{url}' cannot be used. Use the form http://HOST:PORT or socks5://HOST:PORT.", url=url), 2
        )
    return url.rstrip("/")
