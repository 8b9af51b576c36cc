/* The part of <string.h> that generated code uses, for toolchains without a C library. */
#ifndef SNN_STRING_H
#define SNN_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif
