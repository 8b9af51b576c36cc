"""Instructions, bytes and cycles on a microcontroller, counted in QEMU, and those of CMSIS-NN."""
