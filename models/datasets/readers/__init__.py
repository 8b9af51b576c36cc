"""Files of event cameras: one reader a format, chosen by :func:`read_recording`."""

from snnc.models.datasets.readers.choose import FORMATS, read_recording

__all__ = ["FORMATS", "read_recording"]
