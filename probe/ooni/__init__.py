"""Show a measurement as OONI's probe would have written it, and read OONI's archive."""
