"""What to do instead, for each way out of a fixed flow of values."""

RANDOM = (
    "Draw random numbers in training only (`if self.training`), or once, before the model is "
    "compiled, and keep them in a buffer."
)
BRANCH = (
    "Compute both outcomes and choose with torch.where, or decide by what is known before there is "
    "data."
)
ESCAPE = "Use PyTorch's operators on the tensor itself."
SWAP = "Make a new tensor and use that, or change the parameter before the model is compiled."
OPAQUE = (
    "Choose the framework's plain PyTorch path (SpikingJelly: backend='torch'), or register an "
    "importer for the module that calls it."
)
ALIASED = "Write into a clone of the tensor."
AUTOGRAD = "Compute what inference needs with PyTorch's operators alone, without gradients."
THREADS = "Call the parts one after the other."
PLAIN = "Use dense tensors on a device that computes."
RESULT = "Return tensors, or tuples, lists, dicts or named tuples of them."
