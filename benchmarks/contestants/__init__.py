"""Programs that do a registry hop's work with less, or in another way. Each runs as one process of its own."""
