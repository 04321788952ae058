"""What the command line gains by the service: jobs for a cluster, moving a store."""
