"""Test that a port which is closed for every server accuses no service, and that real blocks are found beside it."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.failures import NOT_CONTACTED
from probe.signatures.compared_ports import UNASSIGNED
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.mail_dialogues import MailLines

HOST = "imap.gmail.com"
TIMEOUT, REFUSED = "generic_timeout_error", "connection_refused"


def connects(port: int, *, family: int = 4, host: str = "posteo.de", **ports: str | None) -> list[dict[str, Any]]:
    """Return connects to an unrelated server: `here` at the port, `web` and `other` at theirs."""
    at = {"here": port, "web": 443, "other": UNASSIGNED}
    return [{"host": host, "family": family, "port": at[name], "failure": failed} for name, failed in ports.items()]


def concluded(
    *found: dict[str, Any], port: int = 993, failed: str = TIMEOUT, control: str | None = "ok"
) -> tuple[str, str]:
    url = f"imaps://{HOST}:{port}" if port == 993 else f"tls://{HOST}:{port}"
    lines: Lines = MailLines({"imap": [url]})
    lines.run |= {"port_connects": list(found)} if found else {}
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url, GENUINE, f"tcp:{failed}")
    if control is not None:
        lines.control(url, GENUINE, control)
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert not record["mechanisms"] or record["state"] == "likely_blocked"
    return record["state"], record["rule_id"]


BLOCKED = ("likely_blocked", "tcp_fails_alike_here")
CLOSED = ("impaired", "mail_port_closed")


@pytest.mark.parametrize("failed", [TIMEOUT, REFUSED])
@pytest.mark.parametrize("control", ["ok", None])
def test_mail_port_that_is_closed_for_unrelated_servers_accuses_nothing(failed: str, control: str | None) -> None:
    found = connects(993, here=failed, web=None, other=None)
    assert concluded(*found, failed=failed, control=control) == CLOSED
    assert concluded(*connects(993, here=failed, web=None), failed=failed, control=control) == CLOSED


def test_server_that_is_down_everywhere_stays_down() -> None:
    assert concluded(*connects(993, here=TIMEOUT, web=None), control=f"tcp:{TIMEOUT}") == ("down", "fails_everywhere")


@pytest.mark.parametrize(
    "found",
    [
        [],
        connects(993, here=None),
        connects(993, here=TIMEOUT, web=TIMEOUT),
        connects(993, here=REFUSED, web=None),
        connects(993, here=TIMEOUT, web=None) + connects(993, host="portquiz.net", here=None),
        connects(587, here=TIMEOUT, web=None),
        connects(993, here=NOT_CONTACTED, web=None),
    ],
    ids=["untested", "open", "unreachable", "otherwise", "open at another", "another port", "local"],
)
def test_port_that_is_not_shown_to_be_closed_explains_nothing(found: list[dict[str, Any]]) -> None:
    assert concluded(*found) == BLOCKED


def test_family_of_the_address_counts_before_the_other_one() -> None:
    assert concluded(*connects(993, family=6, here=TIMEOUT, web=None)) == CLOSED
    four = connects(993, here=None)
    assert concluded(*connects(993, family=6, here=TIMEOUT, web=None), *four) == BLOCKED


def test_port_of_an_app_is_explained_only_if_a_port_of_no_service_is_closed_too() -> None:
    """Test that a port which only one app uses is accused: closing it for every server blocks this app."""
    alone = connects(5228, here=TIMEOUT, web=None, other=None)
    assert concluded(*alone, port=5228) == BLOCKED
    few = connects(5228, here=TIMEOUT, web=None, other=TIMEOUT)
    assert concluded(*few, port=5228) == ("impaired", "few_ports_pass")
    assert concluded(*connects(993, here=TIMEOUT, web=None, other=REFUSED)) == ("impaired", "few_ports_pass")


def test_values_of_any_kind_are_read() -> None:
    odd: list[dict[str, Any]] = [{"host": 1, "family": "x", "port": None, "failure": 5}, {}]
    assert concluded(*odd) == BLOCKED
