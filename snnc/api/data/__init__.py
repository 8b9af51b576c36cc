"""Data for a model: what Python holds, files of arrays, and recordings, as windows of frames."""
