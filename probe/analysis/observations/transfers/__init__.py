"""Read pairs of transfers from the test helper."""
