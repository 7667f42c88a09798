"""Compare the throughput of a target's name and an innocuous one at the test helper."""
