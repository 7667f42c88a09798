"""Tests mirror probe/, file by file; tests/README.md says how to write down a censor."""
