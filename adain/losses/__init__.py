"""Style losses by name: distances between the features of two pictures in a loss network.

For training recipes, for methods that optimise a picture, and for `adain.paper`.
"""
