"""Define the rules that give a verdict, one table per layer or protocol."""
