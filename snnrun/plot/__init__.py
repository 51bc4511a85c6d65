"""Pictures of results; the only part that knows matplotlib, and it sees results only through their reader."""
