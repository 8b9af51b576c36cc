"""Recognition: which recurrences of a loop's body are neurons, by exact algebra.

``polynomials.py`` is the algebra, ``algebra.py`` reads ATen operations into it, ``firing.py`` finds
where spikes come from, ``linear.py`` decides whether a recurrence is the linear one of
:mod:`snnc.compiler.ops.neurons.neuron`.
"""
