"""What tests and benchmarks share: real parts, with faults in front of them."""
