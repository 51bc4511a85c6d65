"""The experiment file: reads it and checks its form."""
