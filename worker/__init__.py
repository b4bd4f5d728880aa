"""What a job is, where it is kept, and who runs it."""
