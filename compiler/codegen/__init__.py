"""From a scheduled graph to C text."""
