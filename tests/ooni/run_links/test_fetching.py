"""Test the request for a descriptor against a stand-in of OONI's API on loopback."""

import asyncio

import pytest

from probe.ooni.run_links import run_link
from probe.ooni.run_links.descriptor import DescriptorError
from probe.ooni.run_links.run_link import Link, fetch_descriptor
from probe.targets.url_lists import LONGEST_LIST
from tests.support.ooni.run_links import LinkServer, link_server


def fetched(server: LinkServer, link: Link = Link("10054")) -> bytes:
    return asyncio.run(fetch_descriptor(link, server.address))


def test_one_get_request_without_facts_about_the_user() -> None:
    with link_server(n10054={"name": "x"}) as server:
        assert fetched(server) == b'{"name": "x"}'
        fetched(server, Link("10054", "3"))
    path = "/api/v2/oonirun/links/10054"
    assert server.asked == [("GET", path), ("GET", f"{path}/full-descriptor/3")]


def test_unknown_link_is_named() -> None:
    with link_server() as server, pytest.raises(DescriptorError, match="no link with the number 10054"):
        fetched(server)


@pytest.mark.parametrize("status", [204, 302, 403, 429, 500])
def test_other_status_is_no_descriptor_and_no_redirect_is_followed(status: int) -> None:
    with link_server(n10054={}) as server:
        server.status, server.headers = status, {"Location": server.address + "/api/v2/oonirun/links/10055"}
        with pytest.raises(DescriptorError, match=rf"the server answers {status}"):
            fetched(server)
    assert len(server.asked) == 1


def test_endless_answer_is_read_to_the_limit() -> None:
    with link_server(n10054={}) as server:
        server.body = b" " * (LONGEST_LIST + 5000)
        assert len(fetched(server)) == LONGEST_LIST + 1


def test_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_link, "SECONDS", 0.2)
    with link_server(n10054={}) as server:
        server.delay = 5.0
        with pytest.raises(DescriptorError, match="no answer within"):
            fetched(server)


def test_server_that_is_not_there_is_named_without_its_address() -> None:
    with link_server() as server:
        pass  # its port is closed now
    with pytest.raises(DescriptorError, match="refused") as failed:
        fetched(server)
    assert "127.0.0.1" not in str(failed.value)
