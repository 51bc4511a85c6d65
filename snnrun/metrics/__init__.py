"""Numbers computed from what monitors record.

Expressions are checked before a run, and computed during and after it.
"""
