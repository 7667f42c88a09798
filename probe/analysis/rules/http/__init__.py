"""Define the rules about HTTP."""
