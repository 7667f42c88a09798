"""Return the words around all screens in the user's language."""

from probe.messages import tr


def frame_words() -> dict[str, str]:
    """Return the words of the head and the foot, by the names that the templates use."""
    return {
        "name": "censorprobe",
        "skip": tr("To the content"),
        "screens": tr("Screens"),
        "start": tr("Measure"),
        "running": tr("Run under way"),
        "history": tr("Earlier runs"),
        "settings": tr("Settings"),
        "only_here": tr("This page comes from your own computer. Nothing is uploaded."),
        "end": tr("End this program"),
    }
