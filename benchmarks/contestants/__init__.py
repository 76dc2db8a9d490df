"""The contestants: each a script that reads the whole source into a DuckDB file and tells how long the reading took.

They run as `python -m benchmarks.contestants.<name>` in an environment of their own, so they import nothing of this project but
what stands beside them here (and headwater's own, headwater).
"""
