"""Follow the redirects of a web address. Each is tried like any other endpoint, and cookies are kept in between."""

from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from probe.connectivity.endpoint import Reach
from probe.dialogue import RequestOptions, always_get, proves, written_url
from probe.privacy.host_names import is_followable, parents_of
from probe.privacy.scrub import SCRUBBED, scrub_text
from probe.privacy.web_addresses import kept_path
from probe.session.pacing import TRIGGERS_STANDARD
from probe.session.trace import Transaction
from probe.steps.http.http_answer import HTTPResult
from probe.targets.target import Endpoint, Service, Target
from probe.targets.url_lists import WEB_PORTS, web_endpoint

MOST_REDIRECTS = 10
FOLLOWED = frozenset({301, 302, 307, 308})
"""As OONI's probe does (ooni/probe-cli, webconnectivitylte, read 2026-11-24). Its specification leaves out 301."""
BODY_LIMIT = 2**19
MOST_HEADERS, NAME_LIMIT = 64, 100
SAME_HOST = TRIGGERS_STANDARD - 2  # requests to one host. Two triggers stay for a confirmation and a neutral host (P7)
REFERER = {"Referer": ""}  # empty, as in OONI's requests


@dataclass
class RedirectChain:
    """Follow one web address. The first answer decides where the next request goes.

    An answer from a verified address comes before one from an unverified address, because a block page's server must
    not end the chain.
    """

    reach: Reach
    target: Target
    role: str
    answers: list[tuple[bool, HTTPResult]] = field(default_factory=list)
    """Answers of the current request, each with True if its address is verified."""
    followed: list[tuple[str, str]] = field(default_factory=list)
    """URL and cookies of every request."""

    def __post_init__(self) -> None:
        from aiohttp import CookieJar

        self._jar = CookieJar()

    async def follow(self, endpoint: Endpoint) -> None:
        """Try `endpoint` at every address, then the redirect's endpoint, at most `MOST_REDIRECTS` times."""
        current: Endpoint | None = endpoint
        shown: str | None = None
        while current is not None and not self.reach.session.stopping.is_set():
            cookies = self._cookies_for(current)
            self.followed.append((written_url(current), cookies))
            self.answers.clear()
            headers = REFERER | ({"Cookie": cookies} if cookies else {})
            chosen_by_others = shown is not None or self.target.by_stranger
            options = RequestOptions(headers, BODY_LIMIT, shown, chosen_by_others, self._take_answer)
            alone = replace(self.target, services={self.role: Service(self.role, "all", (current,))})
            await self.reach.services(alone, [self.role], always_get, options=options)
            current = self._next(current)
            if current is not None:
                shown = written_url(replace(current, path=shown_path(current.path)))
                self.reach.trace.redirected(self.role, current.url)

    def _take_answer(self, tx: Transaction, result: HTTPResult) -> None:
        """Keep an answer, and record its header names and its redacted redirect."""
        written = result.entry.response
        names = sorted(scrub_text(name)[:NAME_LIMIT] for name in result.headers)
        written.x_header_names = names[:MOST_HEADERS]
        verified = tx.record.corroborated or proves(tx.record)
        if tx.record.kind != "first" and any(known or not verified for known, _ in self.answers):
            return
        self.answers.append((verified, result))
        if written.code in FOLLOWED and (to := self._location(result)) is not None:
            shown = written_url(replace(to, path=shown_path(to.path)))
            written.headers["Location"] = shown
            written.headers_list = sorted(written.headers.items())

    def _location(self, result: HTTPResult) -> Endpoint | None:
        """Return the endpoint that an answer redirects to, None if it is no web address with a host name.

        A name that may contain an address is none. It would be written, and nothing verifies it.
        """
        try:
            to = web_endpoint(urljoin(self.followed[-1][0], result.location))
        except ValueError:
            return None
        known = {name for url, _ in self.followed for name in parents_of(web_endpoint(url).host)}
        if to.is_literal or not is_followable(to.host, known):
            return None  # nothing verifies an address that a server names
        return None if self.reach.session.public_only and to.port not in WEB_PORTS else to

    def _next(self, current: Endpoint) -> Endpoint | None:
        """Return the next endpoint as it is recorded, None at the end, in a loop, or beyond the budget (P7)."""
        unverified = next((result for _, result in self.answers), None)
        answer = next((result for verified, result in self.answers if verified), unverified)
        if answer is None or answer.entry.response.code not in FOLLOWED or len(self.followed) > MOST_REDIRECTS:
            return None
        self._keep_cookies(current, answer)
        to = self._location(answer)
        if (
            to is None
            or (written_url(to), self._cookies_for(to)) in self.followed
            or self._requests_to(to) >= SAME_HOST
        ):
            return None
        shown = web_endpoint(written_url(to)).url.removesuffix(to.path) + shown_path(to.path)
        return replace(to, url=shown)

    def _requests_to(self, to: Endpoint) -> int:
        return sum(web_endpoint(url).host == to.host for url, _ in self.followed)

    def _cookies_for(self, endpoint: Endpoint) -> str:
        from yarl import URL

        kept = self._jar.filter_cookies(URL(written_url(endpoint), encoded=True))
        return "; ".join(f"{cookie.key}={cookie.coded_value}" for cookie in kept.values())

    def _keep_cookies(self, current: Endpoint, answer: HTTPResult) -> None:
        from yarl import URL

        self._jar.update_cookies_from_headers(answer.cookies, URL(written_url(current), encoded=True))


def shown_path(path: str) -> str:
    """Return a server's path as it is recorded. Its query is removed, because it may identify the user (P6)."""
    bare, asked, _ = path.partition("?")
    return kept_path(bare) + (f"?{SCRUBBED}" if asked else "")
