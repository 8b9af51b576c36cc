"""The attention modules of ASA-SNN and MA-SNN, and the primitives they are made of."""
