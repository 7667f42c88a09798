"""A made-up world, measured: lines for tests of scale and of comparison, and the truth about them."""
