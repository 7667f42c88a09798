"""Test probe/, in folders that mirror it. tests/README.md explains them."""
