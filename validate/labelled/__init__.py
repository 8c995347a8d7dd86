"""Labelled cases that filters are measured on, and what a measurement of one of them counts."""
