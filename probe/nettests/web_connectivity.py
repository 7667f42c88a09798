"""Fetch a web address, follow its redirects and compare the result with the control's.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-017-web-connectivity.md
"""

from collections.abc import Collection
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.connectivity.redirects import RedirectChain
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import View, urlgetter_keys
from probe.ooni.web_connectivity.page_attempts import WebView
from probe.ooni.web_connectivity.summary_keys import summary_keys
from probe.targets.target import Target


async def steps(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Follow the redirects of every endpoint of the given roles, at every address of each host."""
    for role in roles:
        for endpoint in target.services[role].endpoints:
            await RedirectChain(reach, target, role).follow(endpoint)


def input_of(target: Target) -> str | None:
    """Return the web address as given."""
    return target.input


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's keys of version 0.5."""
    assert isinstance(view, WebView)
    return urlgetter_keys(lists) | summary_keys(view)


NETTEST = Nettest(
    "web_connectivity", "0.5.28", OONI_SPECS + "ts-017-web-connectivity.md", keys=keys, input_of=input_of, steps=steps
)
