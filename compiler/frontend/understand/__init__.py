"""Understanding: from the body of a loop over ATen operations to the compiler's graph.

``table.py`` lists the overloads with the arguments that each rule understands; any other argument
must have its default. ``lowering.py`` walks the body; ``neurons.py`` places what was recognised.
"""
