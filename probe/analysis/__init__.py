"""The judging tower: lines → observations → wide rows → rules → verdicts; imports nothing of measuring."""
