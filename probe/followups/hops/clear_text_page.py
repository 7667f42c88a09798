"""Compare pages in the clear, to recognise one that a middlebox sends for a name."""

from collections.abc import Iterable
from dataclasses import dataclass

from probe.formats.entries import Entry, HTTPTransaction
from probe.privacy.host_names import site_of


@dataclass(frozen=True)
class ClearTextPage:
    """Hold what two answers with the same page have in common."""

    status: int
    body: str  # digest, "" without one
    redirect: str  # host of the Location
    is_block_page: bool = False  # a known one

    def is_telling(self, host: str) -> bool:
        """Return whether the page is one that two unrelated servers would not both send for `host`.

        Many servers redirect to the same host, so such a redirect is no such page.
        """
        redirects_to_itself = self.redirect.lower() in {host.lower(), f"www.{host.lower()}"}
        return bool(self.body or self.redirect) and not redirects_to_itself

    def may_be_forged(self, host: str) -> bool:
        """Return whether the page is a known block page, or redirects from `host` to another site."""
        return self.is_block_page or bool(self.redirect and site_of(self.redirect) != site_of(host))


def page_of(entries: Iterable[Entry]) -> ClearTextPage | None:
    """Return the page of a transaction, None without a whole answer."""
    for entry in entries:
        if isinstance(entry, HTTPTransaction) and entry.failure is None:
            response = entry.response
            body = response.x_body_sha256 if response.x_body_length else ""
            return ClearTextPage(response.code, body, response.x_redirect_host, bool(response.x_fingerprints))
    return None
