"""Turn rows and rules into verdict records."""
