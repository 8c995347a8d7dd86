"""The only code that knows Dask: one stage per file, and the commands."""
