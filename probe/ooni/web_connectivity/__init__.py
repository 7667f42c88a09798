"""OONI's web_connectivity 0.5, out of what we measured: what its probe would have written, compared as it compares."""
