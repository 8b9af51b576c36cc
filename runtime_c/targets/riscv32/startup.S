/* Start-up of an RV32 core in machine mode: stack, memory initialisation, then main. */
    .option arch, +zicsr
    .section .isr_vector, "ax"
    .globl _start
_start:
    csrr t0, mhartid
    bnez t0, park
    la t0, fault
    csrw mtvec, t0
    la sp, stack_top
    la t0, stack_bottom
    li t1, 0xA5A5A5A5
1:  bgeu t0, sp, 2f
    sw t1, 0(t0)
    addi t0, t0, 4
    j 1b
2:  la t0, data_begin
    la t1, data_end
    la t2, data_load
3:  bgeu t0, t1, 4f
    lw t3, 0(t2)
    sw t3, 0(t0)
    addi t0, t0, 4
    addi t2, t2, 4
    j 3b
4:  la t0, bss_begin
    la t1, bss_end
5:  bgeu t0, t1, 6f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 5b
6:  call main
    call board_exit
park:
    wfi
    j park

    .balign 4
fault:
    la a0, fault_text
    call board_write
    li a0, 1
    call board_exit

    .section .rodata
fault_text:
    .asciz "FAIL: trap\n"
