"""What ships: the folder, its library on every way in."""
