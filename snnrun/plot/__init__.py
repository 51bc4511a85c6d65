"""Pictures made from results.

The only package that knows matplotlib. It sees results through their reader alone.
"""
