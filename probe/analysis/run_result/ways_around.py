"""List what a person can do about apps that are blocked: neutral sentences per app and mechanism, with their sources.

The sentences are ours. Each source was read on the day that stands beside it. Sources are shown as text, and the
program opens none of them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probe.analysis.run_result.app_words import AppState
from probe.messages import mark, tr

READ = "2026-12-02"
ACCUSED = frozenset({"blocked", "likely_blocked", "degraded"})


class Advice(NamedTuple):
    """Hold one thing that a person can do, and the page that says so."""

    sentence: str
    source: str


BEFORE = Advice(
    mark(
        "In some places it is forbidden to go around a block, and it can be noticed. If you are unsure, first ask a "
        "person you trust who knows the law where you are."
    ),
    "",
)
OF_APPS: dict[str, Advice] = {
    "whatsapp": Advice(
        mark(
            "WhatsApp can connect through a proxy that another person runs. That person sees your IP address and not "
            "your messages. WhatsApp has no proxies of its own."
        ),
        "https://www.security.nl/posting/780416/WhatsApp+voegt+proxy-support+toe+om+ISP-blokkades+te+omzeilen",
    ),
    "signal": Advice(
        mark(
            "Signal has a setting to circumvent censorship, and can connect through a proxy that another person runs. "
            "That person cannot read your messages."
        ),
        "https://aboutsignal.com/?p=54364",
    ),
    "telegram": Advice(
        mark(
            "Telegram can connect through proxies for its own protocol (MTProxy). A link from a person who runs one "
            "adds the proxy to the app."
        ),
        "https://github.com/TelegramMessenger/MTProxy/blob/01f9cd0103bf231abec347fcebcf06e483488e62/README.md",
    ),
}
OF_MECHANISMS: dict[str, Advice] = {
    "dns": Advice(
        mark(
            "False answers for names come less often with encrypted DNS. Android has it since version 9: Settings, "
            "Network and internet, Private DNS. It does not help where connections are stopped too."
        ),
        "https://blog.cloudflare.com/enable-private-dns-with-1-1-1-1-on-android-9-pie",
    ),
}
"""What can be done about a mechanism, by the first part of its name."""
ALWAYS = (
    Advice(
        mark(
            "Pages in a browser can be reached with Tor Browser. Where Tor is blocked, it connects through bridges, "
            "which are servers that no public list has."
        ),
        "https://safety.rsf.org/tor-bridges-a-way-to-keep-using-tor-in-countries-that-block-it",
    ),
    Advice(
        mark(
            "Activists, journalists and human rights defenders can ask the Digital Security Helpline of Access Now, "
            "at any hour and without charge."
        ),
        "https://www.accessnow.org/help/helpline-faq/",
    ),
)


def advice_for(apps: Sequence[AppState]) -> list[Advice]:
    """Return what can be done about the apps of a run. Without an app that is interfered with there is nothing."""
    affected = [app for app in apps if app["valid"] and app["state"] in ACCUSED]
    if not affected:
        return []
    named = {app["app"] for app in affected}
    kinds = {mechanism.partition(".")[0] for app in affected for mechanism in app["mechanisms"]}
    of_apps = [advice for app, advice in OF_APPS.items() if app in named]
    return [BEFORE, *of_apps, *(advice for kind, advice in OF_MECHANISMS.items() if kind in kinds), *ALWAYS]


def advice_lines(every: Iterable[Advice]) -> list[tuple[str, str]]:
    """Return each sentence with its source and the day on which it was read, "" without a source."""
    return [
        (tr(each.sentence), tr("Source: {address}, read {day}", address=each.source, day=READ) if each.source else "")
        for each in every
    ]
