"""Compute what a measurement shows of the network that it was made in."""
