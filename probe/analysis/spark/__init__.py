"""A second engine, for what is too much for one machine: the same rows, the same SQL, on a Spark cluster."""
