"""Sample photos and styles, and their routes."""
