"""The program between the schedule and the text: stages, loops and calls with typed arguments."""
