"""From a traced network to C: graph IR, passes, schedule, memory plan, emission, proof."""
