"""Decide what is kept of binary values: certificates, DER, DNS messages."""
