"""Honest servers for every target, made from the target files; and one dishonest helper."""
