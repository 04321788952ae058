"""The registered schedules, one family a module."""
