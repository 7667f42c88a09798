"""Derive OONI's web_connectivity 0.5 from our measurement: what its probe would have written and concluded."""
