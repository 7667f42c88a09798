"""Know which words and product names a server's text may contain, since they stand for no address."""

import re
import unicodedata
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"


_VERSION = r"[/ -]\(?v?[0-3]?\d(?:\.\d{1,2}){0,2}[a-z]?(?![\w.])"  # not more than 39, which leaves out most addresses
_NEXT_IS_NO_NUMBER = r"(?![^A-Za-z]*\d)"


def _listed(name: str) -> list[str]:
    """Return the words in a file of the package, without its comments."""
    lines = (DATA / name).read_text(encoding="ascii").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


@cache
def words() -> frozenset[str]:
    """Read the list of words. They are in lower case, without accents."""
    return frozenset(_listed("words.txt"))


@cache
def products() -> frozenset[str]:
    """Read the names of products, in lower case."""
    return frozenset(name.lower() for name in _listed("products.txt"))


@cache
def product_pattern() -> re.Pattern[str]:
    """Return a pattern for a product with its version, if it has at most three numbers and no number follows."""
    names = "|".join(map(re.escape, sorted(products(), key=len, reverse=True)))
    whole = rf"(?<![\w.-])(?:{names})(?!\w)(?:{_VERSION}{_NEXT_IS_NO_NUMBER})?(?!\w|[.-][A-Za-z])"
    return re.compile(whole, re.IGNORECASE)


@cache
def _trigrams() -> frozenset[str]:
    return frozenset(f"^{word}$"[at : at + 3] for word in words() for at in range(len(word)))


def is_known_word(token: str) -> bool:
    """Return whether a token is a word of the list, in one case or with one capital first, or a product name."""
    if token.lower() in products():
        return True
    uniform = token.islower() or token.isupper() or token[1:].islower()
    return token.isalpha() and uniform and _without_accents(token.lower()) in words()


def is_pronounceable(label: str) -> bool:
    """Return whether every three letters of a label occur in words of the list, which is rare in encoded bytes.

    Seven letters that base32 makes of four bytes, and letters that are a hexadecimal number, are no such label.
    """
    if not (label.isascii() and label.isalpha() and 4 <= len(label) <= 20) or re.fullmatch(r"[a-f]{6,}", label):
        return False
    if len(label) == 7 and label[-1] in "aiqy":
        return False
    return all(f"^{label}$"[at : at + 3] in _trigrams() for at in range(len(label)))


def is_foreign_word(token: str) -> bool:
    """Return whether a token has only letters of one script that no encoding here uses, such as Arabic or Cyrillic."""
    scripts = {unicodedata.name(character, "?").split()[0] for character in token if character.isalpha()}
    return len(scripts) == 1 and not scripts & {"LATIN", "FULLWIDTH", "?"} and token.isalpha()


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.replace("ı", "i")) if not unicodedata.combining(c))
