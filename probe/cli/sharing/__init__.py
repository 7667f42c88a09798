"""Define the commands that hand a run over to another person: `share` and `receive`."""
