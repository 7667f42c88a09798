"""Test which configurations for Encrypted ClientHello are kept in a measurement."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.services.dns.ech_records import config_list
from probe.privacy.binary_fields.ech_configs import LONGEST, kept_configs
from probe.privacy.server_fields import keep_known_shapes

NAMES = frozenset({"cloudflare-ech.com"})


def coded(name: str, key: bytes = bytes(range(200, 232))) -> str:
    return base64.b64encode(config_list(name, key)).decode()


@pytest.mark.parametrize("text", ["GREASE", coded("cloudflare-ech.com")])
def test_list_of_a_known_name_is_kept(text: str) -> None:
    assert kept_configs(text, NAMES) == text


@pytest.mark.parametrize(
    "text",
    [
        coded("203-0-113-7.cloudflare-ech.com"),
        coded("evil.example"),
        coded("cloudflare-ech.com", b"203.0.113.7 was the client's addr"),
        coded("cloudflare-ech.com")[:-1],
        "203.0.113.7",
        "",
        base64.b64encode(bytes(range(128, 168))).decode(),
        base64.b64encode(config_list("cloudflare-ech.com") * 9).decode(),
    ],
)
def test_other_text_becomes_its_length(text: str) -> None:
    assert kept_configs(text, NAMES) == f"[opaque, {len(text)} characters]"


@given(st.text(max_size=LONGEST + 10))
def test_any_text_is_grease_or_opaque_without_a_known_name(text: str) -> None:
    assert kept_configs(text, frozenset()) in {"GREASE", f"[opaque, {len(text)} characters]"}


def test_measurement_keeps_the_key_of_its_own_target_only() -> None:
    def line(echconfig: str, outer: str) -> str:
        shake = {"echconfig": echconfig, "outer_server_name": outer, "server_name": "cloudflare-ech.com"}
        keys = {"x_target": {"services": {"a": {"endpoints": ["https://cloudflare-ech.com:443/"]}}}}
        return json.dumps(keep_known_shapes({"test_keys": keys | {"tls_handshakes": [shake]}}, b""))

    assert coded("cloudflare-ech.com") in line(coded("cloudflare-ech.com"), "cloudflare-ech.com")
    for name in ("203-0-113-7.dsl.example", "a.cb007107.example"):
        written = line(coded(name), name)
        assert coded(name) not in written and name not in written
