"""Measure which messaging and calling services a network blocks, how, and with what evidence."""

__version__ = "0.1.0"
