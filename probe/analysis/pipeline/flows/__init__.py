"""Compute the columns of each flow, and what the flows show about the network."""
