/* Start-up of a Cortex-M: vector table, memory initialisation, then main. */
#include "board.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)

extern uint32_t stack_top[]; /* all from the linker script */
extern uint32_t data_begin[], data_end[], data_load[];
extern uint32_t bss_begin[], bss_end[];

void reset_handler(void);
static void fault_handler(void);

typedef void (*handler)(void);

__attribute__((section(".isr_vector"), used)) static const struct {
    uint32_t *initial_stack;
    handler handlers[15];
} vector_table = {
    stack_top,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler},
};

/* Naked, so that painting the stack cannot disturb a frame of its own. */
__attribute__((naked, used)) void reset_handler(void) {
    __asm__ volatile(".syntax unified\n"
                     "ldr r0, =stack_bottom\n"
                     "ldr r1, =stack_top\n"
                     "ldr r2, =0xA5A5A5A5\n"
                     "1: cmp r0, r1\n"
                     "bhs 2f\n"
                     "str r2, [r0]\n"
                     "adds r0, #4\n"
                     "b 1b\n"
                     "2: ldr r0, =board_start\n"
                     "bx r0\n"
                     ".ltorg\n");
}

__attribute__((used)) void board_start(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20; /* full access to the floating-point and vector units,
                          which -O3 uses for the loops below */
    __asm__ volatile("dsb\nisb" ::: "memory");
#endif
    const uint32_t *from = data_load;
    for (uint32_t *to = data_begin; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; to++) {
        *to = 0;
    }
    board_exit(main());
}

static void fault_handler(void) {
    board_write("FAIL: fault\n");
    board_exit(1);
}
