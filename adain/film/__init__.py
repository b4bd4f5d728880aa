"""Films: read, painted frame by frame without flicker, and written. Needs the extra `film`."""
