"""Reading files of users within limits, and replacing files atomically.

Only regular files are read; nothing in them is executed.
"""
