"""Run commands on files that were made to break them."""
