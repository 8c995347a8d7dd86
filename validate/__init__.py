"""Is the data any good: probes, scores and the verdict."""
