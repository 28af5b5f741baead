"""The targets of the fuzzer, one a file: each has a `TARGET`."""
