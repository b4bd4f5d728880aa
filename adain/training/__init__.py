"""Training: crops of pictures, losses, recipes, steps, and what a run leaves."""
