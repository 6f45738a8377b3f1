/*
 * Whether the memory that a step needs is there: asked before it is allocated, as Linux grants more than there is and
 * ends a process later, without a message.
 */
#ifndef DNMF_NODE_MEMORY_H
#define DNMF_NODE_MEMORY_H

#include "comm/context.h"

enum { DNMF_GROUP_PATH = 256 };

/* Bytes that can still be taken; INFINITY where there is no limit, or none is known. Swap does not count. */
typedef struct dnmf_node_memory {
  double machine;                   /* MemAvailable */
  double group;                     /* of the control groups (version 1 or 2) this process is in, the one with least */
  char group_path[DNMF_GROUP_PATH]; /* its path among control groups; cut where it is longer */
} dnmf_node_memory;

/* From /proc and /sys below `root`; "" is this machine's. local */
void dnmf_node_memory_read(const char *root, dnmf_node_memory *memory);

/* Fails when `together` bytes, which `processes` processes of this machine need, are not in `memory`, or those of the
 * `group_processes` among them in this process's control group. The message says what is needed, what there is, and
 * `way_out` ("use ..."). `what` names the data. local */
typedef struct dnmf_memory_need {
  double bytes; /* of all processes on the machine */
  int processes;
  double group_bytes; /* of those in this process's control group */
  int group_processes;
} dnmf_memory_need;
dnmf_status dnmf_node_memory_compare(dnmf_error *error, const char *what, const char *way_out,
                                     const dnmf_memory_need *need, const dnmf_node_memory *memory);

/* The same for this machine, where each process is about to allocate `bytes`, at least. All processes leave alike.
 * collective */
dnmf_status dnmf_check_memory(dnmf_context *context, const char *what, const char *way_out, double bytes);

/* Bytes that each process can still take, the same on all, when all take as much: of the machine, or of the control
 * group, that has least for each; INFINITY where nothing is known. collective */
dnmf_status dnmf_memory_left(dnmf_context *context, double *bytes);

#endif
