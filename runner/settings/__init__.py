"""What a run is asked for: the settings' schema, overrides, addresses, messages about mistakes."""
