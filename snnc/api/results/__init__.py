"""What the public functions give: proof, times and layers, and what each of them can do."""
