"""One run, from settings to its end: started, resumed, delivered, reported."""
