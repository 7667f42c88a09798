"""Explain topics beside the commands, and write the manual pages."""
