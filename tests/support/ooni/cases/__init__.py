"""Make measurements in the shapes of OONI's published samples, each with the verdict that it must get."""
