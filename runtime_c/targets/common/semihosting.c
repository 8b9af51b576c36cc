/* Debug output, exit and stack measurement over semihosting, which QEMU and debug probes offer. */
#include "board.h"

#define SYS_WRITE0 0x04
#define SYS_EXIT 0x18
#define ADP_STOPPED_APPLICATION_EXIT 0x20026
#define ADP_STOPPED_RUN_TIME_ERROR 0x20023

#define STACK_PAINT 0xA5A5A5A5u

extern uint32_t stack_bottom[]; /* from the linker script */
extern uint32_t stack_top[];

static void semihosting(uintptr_t operation, uintptr_t argument) {
#if defined(__arm__)
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
#elif defined(__riscv)
    register uintptr_t a0 __asm__("a0") = operation;
    register uintptr_t a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     ".balign 16\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
#endif
}

void board_write(const char *text) {
    semihosting(SYS_WRITE0, (uintptr_t)text);
}

void board_exit(int status) {
    semihosting(SYS_EXIT, status ? ADP_STOPPED_RUN_TIME_ERROR : ADP_STOPPED_APPLICATION_EXIT);
    for (;;) {
    }
}

size_t board_stack_used(void) {
    const volatile uint32_t *word = stack_bottom;
    while (word < stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (size_t)(stack_top - word) * sizeof *word;
}
