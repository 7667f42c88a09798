"""An internet in a box: wires, routers, a censor on any hop, honest servers; it measures nothing, judges nothing."""
