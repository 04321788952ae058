"""Which schedule is better, and how sure is that: what a sweep's runs say, from MLflow alone."""
