"""Reports: results of one or more folders as one HTML file that needs nothing else."""
