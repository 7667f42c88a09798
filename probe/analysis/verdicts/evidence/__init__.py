"""Find what a verdict rests on, and what would change it."""
