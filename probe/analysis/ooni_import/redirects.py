"""Follow the redirects of web_connectivity, since the page of a web address is the last one and not the first."""

from dataclasses import dataclass
from operator import itemgetter

from probe.analysis.ooni_import.entries import At, Entry
from probe.targets.target import Endpoint

MOST_DEPTH = 20  # redirects. OONI's probe follows ten

Page = tuple[At, str, Entry]


@dataclass(frozen=True)
class Chain:
    """Hold the URL of each depth: those that were requested, then the one that the last answer redirects to."""

    urls: dict[int, str]
    pages: dict[int, Entry]

    @property
    def last(self) -> int:
        """Return the depth of the last URL."""
        return max(self.urls)

    def counts(self, depth: int, page: Entry) -> bool:
        """Return True if the page failed, or if it is the last visit of its URL and no redirect to an unknown URL."""
        visited_again = any(url == self.urls.get(depth) for later, url in self.urls.items() if later > depth)
        to_unknown = page["response"]["x_next"] is not None and depth + 1 not in self.urls
        return page["failure"] is not None or not (visited_again or to_unknown)

    def last_page_of(self, url: str) -> Entry | None:
        """Return the page of the last visit of a URL, if it counts."""
        depths = [depth for depth, visited in self.urls.items() if visited == url and depth in self.pages]
        page = self.pages[max(depths)] if depths else None
        return page if page is not None and self.counts(max(depths), page) else None


def chain_of(endpoint: Endpoint, pages: list[Page], *, tagged: bool) -> Chain:
    """Return the redirects from an endpoint on. Version 0.5 tags the depth, and before it the order is the depth."""
    numbered = [(at.depth if tagged else place, url, page) for place, (at, url, page) in enumerate(pages)]
    known = sorted(numbered, key=itemgetter(0))
    urls, found = {0: endpoint.url}, dict[int, Entry]()
    if not known or known[0][:2] != (0, endpoint.url):
        return Chain(urls, found)  # the first request was not recorded, so nothing shows what redirects to what
    for depth, url, page in known:
        if depth < MOST_DEPTH and depth not in found and url:
            urls[depth], found[depth] = url, page
            if page["failure"] is None and page["response"]["x_next"]:
                urls[depth + 1] = page["response"]["x_next"]
    return Chain(urls, found)
