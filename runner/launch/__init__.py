"""Where the jobs of a sweep run: processes of this machine or of a Ray cluster, with a manifest of all."""
