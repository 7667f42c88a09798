"""Measure media flows to the test helper, once in a round of the run, for every measurement that needs them."""
