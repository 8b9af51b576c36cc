"""What is measured on calibration data: ranges for int8, densities and prices for kernels."""
