"""Read the checks of the network, and whether its access line was slow."""
