"""Translate the titles of the bundled targets that consist of words. Names of products stay as they are."""

from probe.messages import mark, tr

WORDS = frozenset(
    {
        mark("DTLS test servers"),
        mark("Facebook and Messenger"),
        mark("Mail providers"),
        mark("Public resolvers"),
        mark("Public STUN servers"),
        mark("Push notifications"),
        mark("SIP providers"),
        mark("TURN relays"),
        mark("Test server for Encrypted ClientHello"),
    }
)


def shown_title(title: str) -> str:
    """Return a title in the user's language if it is one of these. A title of another target file stays as written."""
    return tr(title) if title in WORDS else title
