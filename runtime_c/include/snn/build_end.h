/* The end of what build_begin.h began. */
#ifdef SNN_BUILD_OPTIONS_PUSHED
#undef SNN_BUILD_OPTIONS_PUSHED
#pragma GCC pop_options
#endif
