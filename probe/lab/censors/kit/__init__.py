"""Provide what several censors of the lab share."""
