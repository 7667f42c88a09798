"""Check requests before anything happens: host, origin, place, cookie, and for changes the token of the form.

The printed address has a token, which is exchanged for a cookie at the first request. The token is then neither in the
address bar nor in a link. Cookies ignore ports, so another program at 127.0.0.1 could be sent this one. It is therefore
limited to a random folder, which the other program does not know. Nothing can be read with the folder's name alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from probe.local_server.request_origin import Refusal, is_secret, new_secret, token_in, wrong_host, wrong_origin
from probe.messages import mark, tr

CHANGING = "POST"
METHODS = ("GET", "HEAD", CHANGING)
OTHER_REQUEST = mark("This address does not accept this kind of request. Use the links and buttons of the pages.")
FORM = "form"  # the field with the token of the forms
OWN_SITES = frozenset({"same-origin", "none"})  # of Sec-Fetch-Site: our own page, or the user's address bar


@dataclass(frozen=True)
class InterfaceAccess:
    """Hold the secrets of one server."""

    port: int
    token: str = field(default_factory=new_secret)
    place: str = field(default_factory=new_secret)
    cookie: str = field(default_factory=new_secret)
    form: str = field(default_factory=new_secret)

    @property
    def folder(self) -> str:
        return f"/{self.place}/"

    @property
    def cookie_name(self) -> str:
        """Return the name of the cookie, which differs between ports, because cookies do not."""
        return f"censorprobe-{self.port}"

    def refusal(
        self, method: str, path: str, query: str, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        if (refused := self._foreign(headers)) is not None:
            return refused
        if method not in METHODS:
            return Refusal(405, tr(OTHER_REQUEST))
        if path == "/" and method != CHANGING and is_secret(token_in(query), self.token):
            return None
        if not path.startswith(self.folder) or not is_secret(cookies.get(self.cookie_name, ""), self.cookie):
            return Refusal(401, tr("This browser has no access. Open the address that `probe ui` printed."))
        return None

    def knows_form(self, given: str) -> bool:
        """Return True if a posted form came from one of our pages."""
        return is_secret(given, self.form)

    def _foreign(self, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request from elsewhere is refused. Our forms have the origin `null`, as we send no referrer."""
        site = headers.get("Sec-Fetch-Site")
        if (refused := wrong_host(self.port, headers)) is not None:
            return refused
        if site is not None and site not in OWN_SITES:
            return Refusal(403, tr("Another website sent this request. Type the address into the browser yourself."))
        if headers.get("Origin") == "null" and site == "same-origin":
            return None
        return wrong_origin(self.port, headers)
