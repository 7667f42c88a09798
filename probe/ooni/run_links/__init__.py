"""Read OONI Run v2 links and descriptors: lists of tests and web addresses that another person wrote."""
