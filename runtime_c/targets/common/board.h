/* What the test program needs of a board. The model needs none of it. */
#ifndef SNN_BOARD_H
#define SNN_BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Print a string on the debug channel. */
void board_write(const char *text);

/* End the program; status 0 is success. Does not return. */
void board_exit(int status);

/* Most bytes of stack used since reset, found by the pattern that start-up painted it with. */
size_t board_stack_used(void);

/* Called by the start-up code. */
int main(void);

#endif
