/*
 * Where processes run: hosts, cores, NUMA nodes.
 */
#ifndef DNMF_CLI_PLACEMENT_H
#define DNMF_CLI_PLACEMENT_H

#include "comm/context.h"

enum { CLI_HOST_TEXT = 64, CLI_CORES_TEXT = 64, CLI_PLACES_TEXT = 1024 };

typedef struct cli_place {
  char host[CLI_HOST_TEXT];
  char cores[CLI_CORES_TEXT]; /* that the process may use: "0-3,8" */
  char nodes[CLI_CORES_TEXT]; /* of memory beside them: "0"; empty: the kernel does not say */
  int threads;
} cli_place;

/* The places of all processes, on process 0, which frees them; elsewhere an empty list to free. collective */
dnmf_status cli_find_places(dnmf_context *context, cli_place **places);

int cli_count_hosts(const cli_place *places, int count);

/* Where the processes run, in one line, on process 0. collective */
dnmf_status cli_describe_places(dnmf_context *context, char text[CLI_PLACES_TEXT]);

/* Warns where threads or processes share cores, with what mends it where their launcher's binding is the cause. local
 */
void cli_warn_about_sharing(dnmf_context *context);

#endif
