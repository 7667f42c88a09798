"""Reach WhatsApp's chat servers, registration and web client. A chat server must prove its identity.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-018-whatsapp.md
"""

from collections import Counter
from typing import Any

from probe.dialogue import written_url
from probe.formats import failures
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import OONIAttempt, View, urlgetter_keys

REGISTRATION, WEB = "https://v.whatsapp.net/v2/register", "https://web.whatsapp.com/"
# OONI's initial value `unknown_failure` is not in our closed list of failures. Without a `requests` element OONI's
# backend counts the measurement as failed anyway.
NOT_RUN = failures.INTERRUPTED


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys."""
    return urlgetter_keys(lists) | summary(view)


def summary(view: View) -> dict[str, Any]:
    """Return OONI's summary keys."""
    by_url = {written_url(seen.endpoint): seen for seen in view.seen}
    chat = [seen for seen in view.seen if seen.endpoint.scheme != "https"]
    failed = Counter(seen.endpoint.host for seen in chat if seen.failure is not None)
    registration, web = by_url.get(REGISTRATION), by_url.get(WEB)
    return {
        "registration_server_failure": _failure(registration),
        "registration_server_status": _status(registration),
        "whatsapp_endpoints_blocked": [host for host, ports in failed.items() if ports >= 2],
        "whatsapp_endpoints_dns_inconsistent": [],
        "whatsapp_endpoints_status": "ok" if any(seen.failure is None for seen in chat) else "blocked",
        "whatsapp_web_failure": _failure(web),
        "whatsapp_web_status": _status(web),
    }


def _failure(seen: OONIAttempt | None) -> str | None:
    return NOT_RUN if seen is None else seen.summary_failure


def _status(seen: OONIAttempt | None) -> str:
    return "ok" if seen is not None and seen.failure is None else "blocked"


NETTEST = Nettest("whatsapp", "0.11.0", OONI_SPECS + "ts-018-whatsapp.md", keys=keys)
