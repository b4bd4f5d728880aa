"""Gallery: entries of finished jobs, reports, settings embedded in pictures, recent styles."""
