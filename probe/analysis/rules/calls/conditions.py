"""Define the conditions that the rules about calls share. Columns are those of `AddressRow`."""

_CONTROL = "control_successes > 0"
_FAILED = "payload_successes = 0"
_SILENT = f"{_FAILED} AND payload_timeouts >= 2"
_UNREADABLE_PASSES = f"twin_passed > 0 AND {_CONTROL}"
"""The same request inside TLS, or another protocol, is answered at the same address and port."""

ANSWERED = "payload_successes > 0"
LOCAL_FAULT = "local_faults > 0 AND payload_attempts = 0"
NOT_REACHED = "payload_attempts = 0"
INTERRUPTED = "interrupted AND payload_attempts < 2"

SILENT_TWIN_ECHOED = (
    f"{_SILENT} AND by_datagram AND other_echoed > 0 AND same_silent > 0 AND same_echoed = 0 AND NOT line_lossy AND "
    "(control_successes > 0 OR control_attempts = 0)"
)
"""The request is lost to the helper's echo too, and a random datagram returns from there."""

TAMPERED = (
    f"{_SILENT} AND by_datagram AND same_swapped > 0 AND other_echoed > 0 AND other_changed = 0 AND NOT line_lossy AND "
    "(control_successes > 0 OR control_attempts = 0)"
)
"""The request comes back from the helper's echo with exchanged ends, and a random datagram comes back unchanged."""

ONE_FORM_OF_DTLS = (
    f"{_SILENT} AND dtls_same_silent > 0 AND (dtls_firefox_passed >= 2 OR dtls_newer_passed >= 2) AND {_CONTROL} AND "
    "NOT line_lossy"
)
"""The probe's hello is silent before and after another form is answered, and that form is answered twice."""

DATAGRAMS_CHANGED = (
    f"{_SILENT} AND by_datagram AND (payload_unreadable > 0 OR other_echoed = other_changed AND "
    "same_changed + other_changed > 0)"
)
"""Datagrams of the server arrive that answer no request, or no random datagram came back as it was sent."""

RESET_TWIN_PASSES = f"{_FAILED} AND payload_resets >= 2 AND {_UNREADABLE_PASSES}"
SILENT_TWIN_PASSES = f"{_SILENT} AND {_UNREADABLE_PASSES}"
FAILS_EVERYWHERE = f"{_FAILED} AND control_attempts > 0 AND control_successes = 0"
ANSWERS_OTHERWISE = f"{_FAILED} AND payload_answered > 0"

NO_DATAGRAM_PASSES = (
    f"{_SILENT} AND by_datagram AND other_silent > 0 AND other_echoed = 0 AND same_echoed = 0 AND udp_passed = 0 AND "
    f"dns_by_datagram AND {_CONTROL}"
)
"""No datagram of the measurement gets an answer, except those of DNS, and not even from the helper's echo."""

UNREACHABLE_HERE = f"{_FAILED} AND by_datagram AND payload_unreachables >= 2 AND {_CONTROL}"
RESET_HERE = f"{_FAILED} AND payload_resets >= 2 AND NOT payload_sealed AND {_CONTROL}"
SILENT_THOUGH_TWIN_ECHOED = f"{_SILENT} AND same_echoed > 0 AND {_CONTROL}"
SILENT_HERE = f"{_SILENT} AND {_CONTROL}"
FAILS_HERE = f"{_FAILED} AND payload_attempts >= 2 AND {_CONTROL}"
UNCONFIRMED = f"payload_failure IS NOT NULL AND {_CONTROL}"
NO_CONTROL = "payload_failure IS NOT NULL"
UNDECIDED = "TRUE"
