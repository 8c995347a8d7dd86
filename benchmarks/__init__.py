"""One file per benchmark; `python -m benchmarks NAME`."""
