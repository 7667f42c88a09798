"""Define the rules about resets that a server or a network may send whatever the name."""
