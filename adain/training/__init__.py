"""Training: crops of pictures, losses, recipes, steps, and the files of a run."""
