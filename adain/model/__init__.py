"""The operation and the networks it acts in: tensors in, tensors out."""
