"""Check whether the network is fit to measure from, before the run and while it goes on."""
