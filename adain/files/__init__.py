"""Files: pictures and masks read from and written to files, and their colours."""
