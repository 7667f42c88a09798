"""Reach Telegram's data centres and web client. A data centre must return our nonce.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-020-telegram.md
"""

from typing import Any

from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import View, urlgetter_keys
from probe.targets.target import Endpoint


def method(endpoint: Endpoint) -> str:
    """Return POST for data centres, in the clear on ports 443 and 80."""
    return "POST" if endpoint.is_literal else "GET"


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys."""
    return urlgetter_keys(lists) | summary(view)


def summary(view: View) -> dict[str, Any]:
    """Return OONI's summary keys. The status of a web client that was not tried is null.

    An address that another target had visited in vain is not tried again (P7). OONI's probe would have failed there.
    """
    centres = [seen for seen in view.seen if seen.endpoint.is_literal]
    web = next((seen for seen in view.seen if not seen.endpoint.is_literal), None)
    answered = any(seen.failure is None for seen in centres)
    past_connect = any(seen.operation not in {None, "connect"} for seen in centres)
    not_visited = next(iter(view.not_visited.values()), None)
    failed = not_visited is not None if web is None else web.failure is not None
    return {
        "telegram_http_blocking": not answered,
        "telegram_tcp_blocking": not (answered or past_connect),
        "telegram_web_failure": web.summary_failure if web is not None else not_visited,
        "telegram_web_status": "blocked" if failed else None if web is None else "ok",
    }


NETTEST = Nettest("telegram", "0.3.1", OONI_SPECS + "ts-020-telegram.md", keys=keys, method=method)
