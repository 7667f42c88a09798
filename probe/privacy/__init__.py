"""Remove the user's addresses and names from what is written."""
