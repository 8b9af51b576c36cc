"""Operation counts, energy and redundancy of a network on real data.

How the pieces go together::

    network = Network(source=lowered_graph, executed=optimised_graph)
    survey = Survey(network, AUDITED, redundancy=True, memory=True)
    for activity, label in zip(observe(network, recordings, interpret), labels):
        survey.add(activity, label)                              # one recording at a time
    model = Estimate(survey.tallies["executed"], tables.load("horowitz-f32"))
    energy_json(model, Comparison(model, baseline))              # ΔE of Eq. 11, break-even
    views_of(estimates, survey.accesses, "executed")             # four views of the energy
    redundancy_json(survey.redundancy, other.redundancy)         # Definitions 1-6
    render(Report(Subject.of("model", survey, table), ...))      # the page

Accumulators merge, so that recordings can be shared out. The estimator knows the graph and the
ops; the interpreter that runs a graph is handed in.
"""
