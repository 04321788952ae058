"""Schedules made of schedules: joined, scaled, shifted, repeated, extended, warmed up."""
