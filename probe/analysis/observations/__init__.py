"""Flatten a measurement into rows, one per transaction of the probe and of the control."""
