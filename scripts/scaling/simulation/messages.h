/*
 * Messages of simulated processes.
 *
 * SMPI's own collectives copy what they send, gigabytes for thousands of processes, and its all-reduce that does not
 * wait sends everything to everybody. The collectives that the loops call are made of messages here instead, in the
 * order of Open MPI's algorithms, from and to two buffers that all processes share: nothing that is sent means
 * anything, but for its length.
 *
 * An all-reduce under way moves on as that of an MPI without a thread of its own does: whenever its process is in MPI,
 * at MPI_Test and MPI_Wait, and while it waits in another collective. While a process multiplies, nobody receives for
 * it.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "comm/context.h"

enum { MOST_PROCESSES = 65536 /* that a simulation has */ };

/* Room for messages of so many bytes; before any is sent. local, once for all processes */
dnmf_status messages_prepare(dnmf_error *error, int64_t most_bytes);

void *messages_sent(void);     /* what every message is sent from */
void *messages_received(void); /* and received into */

/* Bytes that all processes have sent by MPI_Isend: everything that the loops count, but for all-reduces that wait.
 * local
 */
double messages_bytes(void);

#endif
