"""Images: untrusted bytes in, clean pictures out, decoded in a process apart."""
