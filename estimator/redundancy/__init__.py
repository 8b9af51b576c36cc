"""The redundancy measures of Yao et al. 2023: what they are made of, their values, and ghosts."""
