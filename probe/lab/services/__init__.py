"""Serve every target in the lab, from the target files alone, and a false test helper."""
