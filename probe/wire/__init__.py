"""Bytes ↔ messages: codecs that touch no socket and no clock."""
