"""What runs say of runs that were not made: other schedules, other lengths, another scale."""
