"""Sample pictures the page offers, and the script that draws the styles."""
