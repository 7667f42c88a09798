"""Return the headings and labels of the page in the user's language."""

from probe.messages import tr


def labels() -> dict[str, str]:
    """Return the labels by the names that the templates use."""
    return {
        "title": tr("What this run found"),
        "apps": tr("Apps, the worst first"),
        "addresses": tr("Web addresses, the worst first"),
        "evidence": tr("Evidence for each service"),
        "technical": tr("Technical:"),
        "comma": tr(", "),
        "path": tr("Where on the path"),
        "calls": tr("Test calls"),
        "throughput": tr("Speed of compared transfers"),
        "time_line": tr("What was tried when"),
        "time_line_help": tr(
            "A circle is an attempt that worked. A cross is an attempt that failed. Attempts to find the cause, and "
            "attempts with other names, are among them. Below are the seconds since the first attempt."
        ),
        "limits": tr("What this page does not say"),
        "limits_text": tr(
            "A run shows one network at one time. Another network, another time or another device can give another "
            "result. This page sends nothing, and it needs no network."
        ),
        "warning": tr("This page names your network and the time of the run. Think about it before you give it away."),
    }
