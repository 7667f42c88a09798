"""List the HTTP statuses with which a service refuses a client, or a device on the path answers in its name."""

FORBIDDEN, LEGAL_REASONS, UNAVAILABLE = 403, 451, 503
"""Forbidden, Unavailable For Legal Reasons, Service Unavailable (RFC 9110, 15.5.4 and 15.6.4, and RFC 7725)."""

REFUSING = frozenset({FORBIDDEN, LEGAL_REASONS, UNAVAILABLE})
