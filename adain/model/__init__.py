"""AdaIN and the networks it acts in: tensors in, tensors out.

Each network is a function of `builders.py`, named in `adain/catalog.py`: a further one is added
there.
"""
