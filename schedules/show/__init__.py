"""Schedules for people: plots, text in a terminal, the command line."""
