"""Find the interfering hop of each verdict, or the reason why none is known."""
