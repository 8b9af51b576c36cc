"""Why a peer cannot take part."""


class Unavailable(Exception):  # noqa: N818  # it is an answer, not an error
    """A peer that cannot run this network here; the message says why, for the result."""
