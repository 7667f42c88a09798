"""Compute the verdict about the network of a run (docs/contract.md, 7.9)."""
