"""Find out what a failure depends on, one file per differential."""
