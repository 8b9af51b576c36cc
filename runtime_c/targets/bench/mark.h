/* Marks that the counting plugin sees (targets/plugin/count.c): the instructions since the mark
 * before belong to `entry`. A model built with SNN_PROFILE marks the end of each node's work. */
#ifndef SNN_MARK_H
#define SNN_MARK_H

#ifndef __ASSEMBLER__ /* start-up code in assembly is built with the same flags */
void snn_profile(int entry);
#endif

#endif
