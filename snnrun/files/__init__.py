"""Files of others, read within limits.

Regular files only; nothing in them is executed.
"""
