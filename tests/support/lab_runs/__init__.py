"""Run the labs of the tests several at a time, and repeat those that missed something."""
