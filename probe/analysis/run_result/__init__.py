"""Collect the verdicts of one run, and put them into the words that the screen and the page share."""
