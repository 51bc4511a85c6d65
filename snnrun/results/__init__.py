"""Results: what a run records, where it stands, how it is written, read and published."""
