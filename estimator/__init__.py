"""Operation counts, energy and redundancy of a network on real data.

How the pieces go together::

    network = Network(source=lowered_graph, executed=optimised_graph)
    activities = observe(network, recordings, interpret)         # one sample at a time
    tallies = count(network, activities, [EXECUTED, PAPER])      # one pass, any number of rules
    model = Estimate(tallies["executed"], tables.load("horowitz-f32"))
    energy_json(model, Comparison(model, baseline))              # ΔE, break-even, sensitivity

The estimator knows the graph and the ops; the interpreter that runs a graph is handed in.
"""
