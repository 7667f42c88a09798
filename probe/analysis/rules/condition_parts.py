"""Take the condition of a rule apart, so that each part can be shown with the values of its columns."""

import re
from functools import cache

_TOKEN = re.compile(r"'[^']*'|[()]|\bAND\b|\bOR\b")
_TEXT = re.compile(r"'[^']*'")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@cache
def parts_of(when: str) -> tuple[str, ...]:
    """Return the parts that AND joins outside of parentheses, in order. A condition that OR joins is one part."""
    depth, start, parts = 0, 0, list[str]()
    for token in _TOKEN.finditer(when):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0 and token[0] == "OR":
            return (when,)
        if depth == 0 and token[0] == "AND":
            parts.append(when[start : token.start()].strip())
            start = token.end()
    return (*parts, when[start:].strip())


def columns_of(part: str) -> list[str]:
    """Return the columns that a condition reads, each once, in order."""
    return list(dict.fromkeys(_NAME.findall(_TEXT.sub("", part))))
