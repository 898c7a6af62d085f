"""What the service is worth, as ratios measured in one run: `python -m benchmarks`."""
