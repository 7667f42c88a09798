"""Write measurements into a store."""
