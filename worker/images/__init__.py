"""Images: untrusted bytes in, clean pictures out, decoded in a separate process."""
