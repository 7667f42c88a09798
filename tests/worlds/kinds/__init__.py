"""Draw one kind of world per module, each with something that looks like censorship or hides it."""
