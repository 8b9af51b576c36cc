"""Mutation testing of the verifier: small faults planted in compiled C, and whether they are found.

``python -m tests.mutation`` says how to run it; docs/measured/mutants.md shows what came of it.
"""
