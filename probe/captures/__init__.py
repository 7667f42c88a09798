"""Read packet captures of any program, and make measurements of our format out of their flows."""
