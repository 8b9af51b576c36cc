/* How the code of a model is compiled on a microcontroller, whatever its build system asks for: at
 * -O2, as it was proven and counted, where the build system says -Os or -Og (Arduino, PlatformIO,
 * Zephyr, ESP-IDF). Products and sums are rounded one by one, as they were verified. A build without
 * optimisation, for a debugger, is left alone, and so is any with SNN_OPTIMISE_AS_TOLD.
 *
 * A model's file includes this before everything else and build_end.h behind everything else. No
 * include guard: several models may be included into one file. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) &&                  \
    !defined(SNN_OPTIMISE_AS_TOLD) &&                                                     \
    ((defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M') || defined(__XTENSA__) || \
     (defined(__riscv_xlen) && __riscv_xlen == 32))
#pragma GCC push_options
#pragma GCC optimize("O2", "ira-region=mixed", "fp-contract=off", \
                     "no-tree-loop-distribute-patterns")
#define SNN_BUILD_OPTIONS_PUSHED 1
#elif defined(__clang__) /* which has no way back from -Os */
#pragma STDC FP_CONTRACT OFF
#endif
