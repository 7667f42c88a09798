"""Test the cookie: it holds for one client, token, shape and secret, and for two periods."""

from probe.wire.media.cookie import cookie_for, is_cookie

SECRET, TOKEN, CLIENT = bytes(32), bytes(range(12)), ("192.0.2.7", 40000)


def test_cookie_holds_in_its_period_and_the_next() -> None:
    cookie = cookie_for(SECRET, CLIENT, TOKEN, "rtp", 5)
    assert [is_cookie(cookie, SECRET, CLIENT, TOKEN, "rtp", period) for period in (4, 5, 6, 7)] == [
        False,
        True,
        True,
        False,
    ]


def test_cookie_holds_for_nothing_else() -> None:
    cookie = cookie_for(SECRET, CLIENT, TOKEN, "rtp", 0)
    assert is_cookie(cookie, SECRET, CLIENT, TOKEN, "rtp", 0)
    others = [
        (b"1" * 32, CLIENT, TOKEN, "rtp"),
        (SECRET, ("192.0.2.8", 40000), TOKEN, "rtp"),
        (SECRET, ("192.0.2.7", 40001), TOKEN, "rtp"),
        (SECRET, ("2001:db8::7", 40000), TOKEN, "rtp"),
        (SECRET, CLIENT, TOKEN[::-1], "rtp"),
        (SECRET, CLIENT, TOKEN, "opaque"),
    ]
    assert not any(is_cookie(cookie, *other, 0) for other in others)
    assert not is_cookie(cookie[:-1], SECRET, CLIENT, TOKEN, "rtp", 0)
