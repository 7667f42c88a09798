"""Forward packets between the hosts of the emulated Internet."""
