"""The team's service from the command line: its accounts, its jobs, its stores."""
