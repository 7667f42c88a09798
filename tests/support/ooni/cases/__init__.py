"""Cases in the shapes of OONI's published sample measurements, each with the verdict that it must get."""
