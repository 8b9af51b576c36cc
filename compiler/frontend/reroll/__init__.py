"""Re-rolling: the T copies of a step that a trace holds become one body with states.

``expand.py`` cuts a captured graph into steps (:mod:`steps`), wherever time stands in its tensors
(:mod:`sequences`); ``streams.py`` folds the steps into classes of equal copies (:mod:`body`).
"""
