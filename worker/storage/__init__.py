"""Storage: the database, the pictures' store, and which processes are alive."""
