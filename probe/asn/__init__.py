"""Look up the network and country of an address offline."""
