"""A web address and where it leads: every hop is an endpoint of its own, tried like any other, cookies kept between."""

from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from probe.connectivity.endpoint import Reach
from probe.dialogue import RequestOptions, always_get, proves, written_url
from probe.privacy.scrub import SCRUBBED, scrub_text
from probe.session.pacing import TRIGGERS_STANDARD
from probe.session.trace import Transaction
from probe.steps.http.http_answer import HTTPResult
from probe.targets.target import Endpoint, Service, Target
from probe.targets.url_lists import WEB_PORTS, web_endpoint

MOST_HOPS = 10
FOLLOWED = frozenset({301, 302, 307, 308})  # as OONI's code does (reference/ooni.md 3.0); its spec leaves out 301
BODY_LIMIT = 2**19
MOST_HEADERS, NAME_LIMIT = 64, 100
SAME_HOST = TRIGGERS_STANDARD - 2  # hops on one host; law 7's other triggers are for a confirmation and a neutral host
REFERER = {"Referer": ""}  # OONI's requests carry an empty one


@dataclass
class Chain:
    """One address being followed. Its answers are told once each; the first of a hop decides where the next one is.

    Where it came from an address that nobody vouches for, the first that came from another decides: a block page's
    server must not end the chain.
    """

    reach: Reach
    target: Target
    role: str
    answers: list[tuple[bool, HTTPResult]] = field(default_factory=list)  # whether somebody vouches for the address
    followed: list[tuple[str, str]] = field(default_factory=list)  # URL and cookies of every hop

    def __post_init__(self) -> None:
        from aiohttp import CookieJar

        self._jar = CookieJar()

    async def follow(self, endpoint: Endpoint) -> None:
        """Try `endpoint` on every address, then where it leads, and so on: at most ten redirects."""
        here: Endpoint | None = endpoint
        shown: str | None = None
        while here is not None and not self.reach.session.stopping.is_set():
            cookies = self._cookies_for(here)
            self.followed.append((written_url(here), cookies))
            self.answers.clear()
            headers = REFERER | ({"Cookie": cookies} if cookies else {})
            options = RequestOptions(headers, BODY_LIMIT, shown, shown is not None, self._hear)
            alone = replace(self.target, services={self.role: Service(self.role, "all", (here,))})
            await self.reach.services(alone, [self.role], always_get, options=options)
            here = self._next(here)
            if here is not None:
                shown = written_url(replace(here, path=shown_path(here.path)))
                self.reach.trace.led_to(self.role, here.url)

    def _hear(self, tx: Transaction, result: HTTPResult) -> None:
        """Keep an answer; the names of its headers, and where it leads, are written down too."""
        written = result.entry.response
        names = sorted(scrub_text(name)[:NAME_LIMIT] for name in result.headers)
        written.x_header_names = names[:MOST_HEADERS]
        vouched = tx.record.corroborated or proves(tx.record)
        if tx.record.kind != "first" and any(known or not vouched for known, _ in self.answers):
            return
        self.answers.append((vouched, result))
        if written.code in FOLLOWED and (to := self._location(result)) is not None:
            shown = written_url(replace(to, path=shown_path(to.path)))
            written.headers["Location"] = shown
            written.headers_list = sorted(written.headers.items())

    def _location(self, result: HTTPResult) -> Endpoint | None:
        """Where an answer leads, if it is a web address of a host that has a name."""
        try:
            to = web_endpoint(urljoin(self.followed[-1][0], result.location))
        except ValueError:
            return None
        if to.is_literal:
            return None  # an address that a stranger names is proven by nothing
        return None if self.reach.session.public_only and to.port not in WEB_PORTS else to

    def _next(self, here: Endpoint) -> Endpoint | None:
        """The next hop, named as it is written down; None at the end, in a loop, or where law 7 has no room for it."""
        in_doubt = (result for _, result in self.answers)
        answer = next((result for vouched, result in self.answers if vouched), next(in_doubt, None))
        if answer is None or answer.entry.response.code not in FOLLOWED or len(self.followed) > MOST_HOPS:
            return None
        self._keep_cookies(here, answer)
        to = self._location(answer)
        if to is None or (written_url(to), self._cookies_for(to)) in self.followed or self._visits(to) >= SAME_HOST:
            return None
        shown = web_endpoint(written_url(to)).url.removesuffix(to.path) + shown_path(to.path)
        return replace(to, url=shown)

    def _visits(self, to: Endpoint) -> int:
        return sum(web_endpoint(url).host == to.host for url, _ in self.followed)

    def _cookies_for(self, endpoint: Endpoint) -> str:
        from yarl import URL

        kept = self._jar.filter_cookies(URL(written_url(endpoint), encoded=True))
        return "; ".join(f"{cookie.key}={cookie.coded_value}" for cookie in kept.values())

    def _keep_cookies(self, here: Endpoint, answer: HTTPResult) -> None:
        from yarl import URL

        self._jar.update_cookies_from_headers(answer.cookies, URL(written_url(here), encoded=True))


def shown_path(path: str) -> str:
    """A path that a server gave, as it is written down: a query may say who the reader is, and goes as a whole."""
    bare, asked, _ = path.partition("?")
    return scrub_text(bare) + (f"?{SCRUBBED}" if asked else "")
