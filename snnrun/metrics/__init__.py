"""Numbers computed from what monitors record: expressions checked before a run, computed during and after it."""
