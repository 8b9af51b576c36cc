"""What a user takes away: folders, packages, firmware, and where memory goes."""
