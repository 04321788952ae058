"""One answer over several workloads: the same schedules on each, tuned for each, judged together."""
