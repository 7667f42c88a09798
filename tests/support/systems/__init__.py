"""Run the program as another system would: what only Linux has is taken away before the program is loaded."""
