"""Convert OpenSSL's names of cipher suites to IANA's, which OONI records."""

_KEY_EXCHANGES = (
    "ECDHE-ECDSA",
    "ECDHE-RSA",
    "ECDHE-PSK",
    "DHE-RSA",
    "DHE-DSS",
    "DHE-PSK",
    "RSA-PSK",
    "PSK",
    "ADH",
    "AECDH",
)
_ANONYMOUS = {"ADH": "DH_anon", "AECDH": "ECDH_anon"}
_MODES = ("GCM", "CCM", "CCM8", "CBC", "CHACHA20")


def iana_name(openssl: str) -> str:
    """Convert `ECDHE-RSA-AES128-SHA` to `TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA` (RFC 5246 A.5).

    TLS 1.3 names and "" are equal in both and are returned unchanged.
    """
    if not openssl or openssl.startswith("TLS_"):
        return openssl
    exchange, rest = _split(openssl)
    if rest == "DES-CBC3-SHA":
        return f"TLS_{exchange}_WITH_3DES_EDE_CBC_SHA"
    words = rest.split("-")
    if words[0] == "CHACHA20":
        return f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256"
    if words[0] == "RC4":
        words[0] = "RC4_128"
    for family in ("AES", "CAMELLIA", "ARIA"):
        if words[0].startswith(family) and words[0] != family:
            words[0:1] = [family, words[0].removeprefix(family)]
    if len(words) > 2 and words[2] not in _MODES:
        words.insert(2, "CBC")
    return f"TLS_{exchange}_WITH_{'_'.join(words).replace('CCM8', 'CCM_8')}"


def _split(openssl: str) -> tuple[str, str]:
    if openssl.startswith("ECDHE-ARIA"):
        return "ECDHE_RSA", openssl.removeprefix("ECDHE-")
    for exchange in _KEY_EXCHANGES:
        if openssl.startswith(f"{exchange}-"):
            return _ANONYMOUS.get(exchange, exchange.replace("-", "_")), openssl.removeprefix(f"{exchange}-")
    return "RSA", openssl
