"""Test which requests the interface refuses: token, cookie, host, origin, site, method and form."""

from pathlib import Path

import pytest

from probe.ui.interface_access import InterfaceAccess
from probe.ui.interface_server import CHANGES, SCREENS
from tests.ui.made_up import MadeUp, offered

COOKIE = "censorprobe-80"


def status(
    access: InterfaceAccess, method: str = "GET", path: str | None = None, query: str = "", **headers: str
) -> int:
    """Return the status of a refusal, 0 for none. The cookie is right."""
    given = {"Host": "127.0.0.1:80"} | {name.replace("_", "-"): value for name, value in headers.items()}
    where = access.folder if path is None else path
    refused = access.refusal(method, where, query, given, {COOKIE: access.cookie})
    return refused.status if refused else 0


def test_cookie_opens_the_folder_and_nothing_else() -> None:
    access = InterfaceAccess(80)
    assert status(access) == 0
    assert status(access, path="/") == status(access, path="/other/") == status(access, path=access.folder[:-1]) == 401
    for cookies in ({}, {COOKIE: ""}, {COOKIE: access.token}, {"censorprobe-81": access.cookie}):
        refused = access.refusal("GET", access.folder, "", {"Host": "127.0.0.1:80"}, cookies)
        assert refused is not None and refused.status == 401


def test_token_opens_the_entrance_only() -> None:
    access = InterfaceAccess(80)
    known = {"Host": "127.0.0.1:80"}
    assert access.refusal("GET", "/", f"token={access.token}", known, {}) is None
    for method, path, query in (
        ("POST", "/", f"token={access.token}"),
        ("GET", access.folder, f"token={access.token}"),
        ("GET", "/", f"token={access.token}x"),
        ("GET", "/", f"token={access.cookie}"),
        ("GET", "/", ""),
    ):
        refused = access.refusal(method, path, query, known, {})
        assert refused is not None and refused.status == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site", "other"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_request_of_another_site_is_refused(site: str, method: str) -> None:
    """Check that a page at another port of this computer, which is the same site, is refused too."""
    assert status(InterfaceAccess(80), method, Sec_Fetch_Site=site) == 403


def test_form_without_referrer_is_accepted_from_our_page_only() -> None:
    access = InterfaceAccess(80)
    assert status(access, "POST", Origin="null", Sec_Fetch_Site="same-origin") == 0
    assert status(access, "POST", Origin="null") == status(access, "POST", Origin="null", Sec_Fetch_Site="none") == 403
    assert status(access, "POST", Origin="http://127.0.0.1:80") == 0
    assert status(access, "POST", Origin="http://attacker.example", Sec_Fetch_Site="same-origin") == 403


def test_other_host_and_method_are_refused() -> None:
    access = InterfaceAccess(80)
    assert status(access, Host="attacker.example:80") == status(access, Host="127.0.0.1:81") == 421
    assert status(access, "PUT") == status(access, "OPTIONS") == 405


def test_secrets_differ() -> None:
    access = InterfaceAccess(80)
    assert len({access.token, access.place, access.cookie, access.form, InterfaceAccess(80).token}) == 5


async def test_token_is_exchanged_for_a_cookie(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        answer = await served.send("GET", f"/?token={served.access.token}", None, {})
        assert (answer.status, answer.header("Location")) == (303, served.access.folder)
        cookie = answer.header("Set-Cookie")
        assert cookie.startswith(f"{served.access.cookie_name}={served.access.cookie}; ")
        assert {"HttpOnly", "SameSite=Strict", f"Path={served.access.folder}"} <= set(cookie.split("; "))
        assert served.access.token not in cookie + answer.header("Location")


@pytest.mark.parametrize("name", CHANGES)
async def test_form_needs_the_token_of_our_pages(tmp_path: Path, name: str) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        for fields in ({}, {"form": "x"}, {"form": served.access.cookie}):
            answer = await served.post(name, {**fields, "sure": "yes"}, token=False)
            assert answer.status == 403 and "not from this program" in answer.text()
        as_json = await served.send(
            "POST", served.access.folder + name, "{}", served.known({"Content-Type": "text/plain"})
        )
        assert as_json.status == 415
        assert served.commands.removed == [] and served.interface.run is None and not served.interface.ended.is_set()


@pytest.mark.parametrize("name", sorted(SCREENS))
async def test_every_answer_has_the_headers_of_a_local_page(tmp_path: Path, name: str) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        for answer in (await served.get(name), await served.send("GET", served.access.folder + name, None, {})):
            policy = answer.header("Content-Security-Policy")
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
            assert answer.header("Referrer-Policy") == "no-referrer"
            assert answer.header("X-Content-Type-Options") == "nosniff"
            assert answer.header("Cache-Control") == "no-store"
            assert answer.header("Access-Control-Allow-Origin") == ""
        assert answer.status == 401


async def test_refusal_repeats_nothing_of_the_request(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        answer = await served.get("nothing-of-this-name?x=<script>")
        assert answer.status == 404 and "nothing-of-this-name" not in answer.text() and "<script>" not in answer.text()


async def test_large_form_is_refused(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert (await served.post("settings", {"helper": "x" * 100_000})).status == 413
        assert served.commands.changed == []
