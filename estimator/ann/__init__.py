"""The same network as an artificial one: dense, sparse, and the firing at which they cost alike.

The comparison that the literature asks for since spikes were compared with networks that nobody
would build:

* Yan, Bai, Wong 2024 (Reconsidering the energy efficiency of spiking neural networks,
  arXiv:2409.08290): a rate over T steps is a number of ceil(log2(T+1)) bits, so the fair opponent
  is a quantised network with activations of so many bits, run once and not T times.
* Dampfhoffer et al. 2022 (Are SNNs really more energy-efficient than ANNs?, IEEE TETCI): the
  opponent may skip zeros too; the unit in which networks compare is spikes a synapse and
  inference.
* Lemaire et al. 2022 (An analytical estimation of SNN energy efficiency, ICONIP): operands have to
  be fetched and kept in both.
* Shen et al. 2024 (Are conventional SNNs really efficient?, CVPR): bits, not operations, are what
  is spent: a product of b by w bits costs b·w, a spike costs w.

What the networks here are:

========== ==================================================================================
dense      every synapse once a recording: a MAC each. Each reads an input of b bits and its
           weight (no reuse, as Lemaire et al. count); the sum stays in a register; each output
           is written once
sparse     the network's own event-driven machine, run once: an input that is not 0 in the
           window is an event with a value, each synapse that it meets a MAC that reads its
           weight and reads and writes its sum
========== ==================================================================================

An input of a synapse is not 0 where it was not 0 at one step or more: that is counted on the
recordings, not assumed. Both have the network's synapses and its neurons as activations (a
rescaling product and two comparisons that clip, and a sum for a bias), and no attention: attention
over time has no meaning for a network that sees all of time at once. Both sum the input's events
over the window first, which is not charged.
"""
