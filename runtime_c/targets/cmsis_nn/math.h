/* CMSIS-NN includes <math.h>; its int8 kernels use nothing of it, and the toolchain may bring no C
 * library. */
