"""Test that names of cipher suites are those in IANA's registry."""

import ssl

import pytest

from probe.wire.tls.cipher_suites import iana_name

# https://www.iana.org/assignments/tls-parameters (the pairs also stand in OpenSSL's ciphers(1))
PAIRS = {
    "TLS_AES_256_GCM_SHA384": "TLS_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-ECDSA-AES256-SHA": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "DHE-RSA-AES256-SHA256": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "DHE-RSA-AES256-CCM8": "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    "DHE-RSA-AES256-CCM": "TLS_DHE_RSA_WITH_AES_256_CCM",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "DES-CBC3-SHA": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "ECDHE-RSA-DES-CBC3-SHA": "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "CAMELLIA256-SHA": "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
    "ECDHE-ARIA256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384",
    "RC4-SHA": "TLS_RSA_WITH_RC4_128_SHA",
    "": "",
}


@pytest.mark.parametrize("openssl", PAIRS)
def test_known_pairs(openssl: str) -> None:
    assert iana_name(openssl) == PAIRS[openssl]


def test_every_suite_we_offer_has_a_name_of_iana_shape() -> None:
    offered = [str(suite["name"]) for suite in ssl.create_default_context().get_ciphers()]
    names = [iana_name(name) for name in offered]
    assert len(set(names)) == len(offered)
    assert all(name.startswith("TLS_") and "-" not in name for name in names)
