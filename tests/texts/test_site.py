"""Test that the documentation site builds without warnings and loads nothing from other hosts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.site import CONFIG, ROOT, build_site

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "link": "href", "video": "src"}
REMOTE = re.compile(r"^(https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


def test_site_has_the_pages_that_are_not_stored(site: Path) -> None:
    """Check one name of each built page, the links to it from the stored pages, and the links of the index."""
    wanted = {
        "features": "neutral_proven",
        "pipeline": "address_row",
        "followups": "nonexistent_name_neutral_host",
        "samples": "throttlingWithHTTP",
    }
    index = (site / "reference" / "index.html").read_text(encoding="utf-8")
    stored = "".join((site / name).read_text(encoding="utf-8") for name in ("verdicts.html", "concepts/index.html"))
    for name, word in wanted.items():
        assert word in (site / "reference" / f"{name}.html").read_text(encoding="utf-8")
        assert f'href="{name}.html"' in index
        assert not (ROOT / "docs" / "reference" / f"{name}.md").exists()
    assert 'href="reference/features.html"' in stored and 'href="../reference/followups.html"' in stored


class Loaded(HTMLParser):
    """Collect the addresses that a browser loads by itself. Links that a reader clicks are not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if LOADING.get(tag) == name and value]
        self.addresses += [url for name, value in attrs if name == "style" for url in loaded_by_css(value or "")]


def loaded_by_css(text: str) -> list[str]:
    return re.findall(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", text)


def loaded_by_html(text: str) -> list[str]:
    parser = Loaded()
    parser.feed(text)
    return [address for address in parser.addresses if REMOTE.match(address)]


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    found = {page.name: hits for page in pages if (hits := loaded_by_html(page.read_text(encoding="utf-8")))}
    assert not found


def test_styles_and_scripts_load_nothing_from_other_hosts(site: Path) -> None:
    styles = [hit for file in site.rglob("*.css") for hit in loaded_by_css(file.read_text(encoding="utf-8"))]
    hosts = ("unpkg.com", "jsdelivr", "cdnjs", "googleapis", "gstatic")
    scripts = [(file.name, host) for file in site.rglob("*.js") for host in hosts if host in file.read_text("utf-8")]
    assert not styles and not scripts


def unrendered(html: str) -> list[str]:
    """Return headings, lists and tables that lack the empty line before them, and stand as text."""
    found = re.findall(r">\s*#{2,} [^<]*|<td[^>]*>-{3,}</td>", html)
    texts = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
    return found + [text for text in texts if re.search(r"^([-*|]|\d+\.) ", text, re.MULTILINE)]


def test_pages_show_no_markdown(site: Path) -> None:
    found = {page.name: hits for page in site.rglob("*.html") if (hits := unrendered(page.read_text(encoding="utf-8")))}
    assert not found


@pytest.mark.parametrize("html", ["<p>### Two</p>", "<td>---</td>", "<p>Text:\n- one</p>", "<p>Text\n| a | b |</p>"])
def test_planted_markdown_is_found(html: str) -> None:
    assert unrendered(html)


def test_theme_asks_no_forge_for_stars() -> None:
    assert "repo_url" not in CONFIG.read_text()


@pytest.mark.parametrize(
    "html",
    ['<script src="https://a.example/x.js">', '<link href="//a.example/x.css">', '<img src="http://a.example/x.png">'],
)
def test_planted_remote_asset_is_found(html: str) -> None:
    assert loaded_by_html(html)


def test_planted_remote_font_is_found() -> None:
    assert loaded_by_css('@font-face { src: url("https://fonts.example/x.woff2") }')


def test_link_to_another_host_is_allowed() -> None:
    assert not loaded_by_html('<a href="https://a.example/">a</a>')
