"""Where data comes from: one file per kind of source, all of the shape that `raw.py` describes."""
