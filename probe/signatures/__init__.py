"""Recognise known traces of interference, for the probe and the analysis alike."""
