"""Lists, ranks, verifies and compares results."""
