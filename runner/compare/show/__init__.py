"""What a comparison shows: tables, plots, the page."""
