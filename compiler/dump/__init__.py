"""To see inside a compilation: the graph after every pass, the schedule, the program, the arena."""
