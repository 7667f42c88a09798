"""Read pages as a person does who follows links and sends forms, and knows no other address."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin

from tests.explore.served import Served


@dataclass
class SeenForm:
    """Hold a form: its address, what it always sends, and the options of each list by the text that is shown."""

    action: str
    hidden: list[tuple[str, str]] = field(default_factory=list)
    lists: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.forms: dict[str, SeenForm] = {}
        self._form = SeenForm("")
        self._href = self._value = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._text = ""
        if tag == "a":
            self._href = found.get("href")
        elif tag == "form":
            self._form = self.forms[found.get("aria-label", "")] = SeenForm(found.get("action", ""))
        elif tag == "input" and found.get("type") == "hidden":
            self._form.hidden.append((found["name"], found["value"]))
        elif tag == "select":
            self._form.lists.append((found.get("name", ""), {}))
        elif tag == "option":
            self._value = found.get("value")

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href:
            self.links.append((self._text, self._href))
        elif tag == "option" and self._value is not None and self._form.lists:
            self._form.lists[-1][1][self._text] = self._value


@dataclass
class Reader:
    """Hold the page that is open, and open others from it."""

    served: Served
    address: str = ""
    text: str = ""

    async def open(self, address: str) -> str:
        """Open an address without any header that a browser does not send."""
        self.address = urljoin(self.address or "/", address)
        path, _, query = self.address.partition("?")
        while (answer := await self.served.send("GET", path, parse_qsl(query))).status == 202:
            pass
        assert answer.status == 200, (self.address, answer.text()[:500])
        self.text = answer.body.decode(errors="replace")
        return self.text

    async def follow(self, text: str, path: str = "") -> str:
        """Follow the first link whose text has these words, and whose address has this path."""
        return await self.open(next(href for words, href in self._parsed().links if text in words and path in href))

    async def ask(self, question: str, *choices: str) -> str:
        """Send a form with an option chosen in each list, by the beginning of its text."""
        form = self._parsed().forms[question]
        chosen = [
            (name, next(value for shown, value in options.items() if shown.startswith(choice)))
            for (name, options), choice in zip(form.lists, choices, strict=False)
        ]
        return await self.open(f"{form.action}?{urlencode([*form.hidden, *chosen])}")

    def _parsed(self) -> _Parser:
        parser = _Parser()
        parser.feed(self.text)
        return parser
