"""Many runs of one experiment with other values."""
