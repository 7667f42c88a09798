"""Name what a person needs an app for. The key `needs` of a service in a target file says which needs it serves."""

from typing import Literal, get_args

Need = Literal["messages", "pages", "calls", "names", "media", "sign_in", "browser"]
NEEDS: tuple[Need, ...] = get_args(Need)
"""All needs, in the order in which they are shown. `browser` is the web client of an app that works without it."""

MEANINGS: dict[Need, str] = {
    "messages": "send and receive messages or mail",
    "pages": "open the app's pages, in the app or in a browser",
    "calls": "make calls, with or without a picture",
    "names": "turn names into addresses",
    "media": "send and receive pictures, recordings and files",
    "sign_in": "sign in, register, and find contacts",
    "browser": "use the app in a browser in place of the installed app",
}
"""What each need means, for docs/contract.md."""

FIRST: frozenset[Need] = frozenset({"messages", "pages"})
"""Needs that are essential for every app that has one of them."""

SECOND: frozenset[Need] = frozenset({"calls", "names"})
"""Needs that are essential for an app without the first ones, such as a group of servers for calls."""


def essential_of(needs: frozenset[str]) -> frozenset[str]:
    """Return the needs without which an app is of no use, of all that its services serve."""
    return needs & FIRST or needs & SECOND
