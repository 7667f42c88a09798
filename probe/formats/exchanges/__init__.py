"""Define the entries of our own steps: calls, mail, media and transfers, the hop search, and packets seen."""
