"""Measure media flows and calls to the test helper once in a round, for every measurement that needs them."""
