"""Recognition: which recurrences of a loop's body are neurons, by exact algebra.

``polynomials.py`` is the algebra, ``algebra.py`` reads ATen operations into it, ``linear.py`` decides
whether a recurrence is the linear one of :mod:`snnc.compiler.ops.neuron`.
"""
