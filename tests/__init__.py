"""Test probe/, in folders that mirror it. tests/README.md explains them.

The folders below have no file like this one. It stands here alone, so that a library which also installs a package
`tests` cannot take the place of this one.
"""
