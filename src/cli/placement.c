#define _GNU_SOURCE /* sched_getaffinity */
#include "placement.h"

#include "launch.h"

#include "comm/collective.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TOLD = 4, MOST_NODES = 64 };

/* The numbers of a set: "0-3,8". */
static void describe_set(const cpu_set_t *set, char text[CLI_CORES_TEXT]) {
  int used = 0;
  text[0] = 0;
  for (size_t first = 0; first < CPU_SETSIZE && used < CLI_CORES_TEXT - 16; first++) {
    size_t last = first;
    if (!CPU_ISSET(first, set))
      continue;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
      last++;
    used += snprintf(text + used, CLI_CORES_TEXT - (size_t)used, last > first ? "%s%zu-%zu" : "%s%zu",
                     used > 0 ? "," : "", first, last);
    first = last;
  }
}

/* The NUMA nodes of some cores, as Linux lists them. */
static cpu_set_t nodes_of(const cpu_set_t *cores) {
  char path[CLI_HOST_TEXT];
  cpu_set_t nodes;
  CPU_ZERO(&nodes);
  for (size_t core = 0; core < CPU_SETSIZE; core++)
    for (size_t node = 0; CPU_ISSET(core, cores) && node < MOST_NODES; node++) {
      snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/node%zu", core, node);
      if (access(path, F_OK) != 0)
        continue;
      CPU_SET(node, &nodes);
      break;
    }
  return nodes;
}

static cli_place own_place(const dnmf_context *context) {
  cli_place own = {.threads = context->threads, .cores = "unknown"};
  cpu_set_t cores;
  gethostname(own.host, sizeof own.host - 1);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0)
    return own;
  const cpu_set_t nodes = nodes_of(&cores);
  describe_set(&cores, own.cores);
  describe_set(&nodes, own.nodes);
  return own;
}

dnmf_status cli_find_places(dnmf_context *context, cli_place **places) {
  const cli_place own = own_place(context);
  int64_t *counts = calloc(2 * (size_t)context->size, sizeof *counts);
  dnmf_status status = DNMF_OK;
  *places = NULL;
  if (!counts)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a list of processes");
  DNMF_TRY(dnmf_agree(context, status));
  counts[0] = 1;
  status = dnmf_exchange(context, &own, counts, sizeof own, (void **)places, counts + context->size);
  free(counts);
  return status;
}

int cli_count_hosts(const cli_place *places, int count) {
  int hosts = 0;
  for (int p = 0; p < count; p++) {
    int earlier = 0;
    while (earlier < p && strcmp(places[earlier].host, places[p].host) != 0)
      earlier++;
    hosts += earlier == p;
  }
  return hosts;
}

dnmf_status cli_describe_places(dnmf_context *context, char text[CLI_PLACES_TEXT]) {
  const int size = context->size;
  cli_place *places = NULL;
  text[0] = 0;
  DNMF_TRY(cli_find_places(context, &places));
  if (context->rank == 0) {
    const int hosts = cli_count_hosts(places, size);
    int used = snprintf(text, CLI_PLACES_TEXT, "%d process%s of %d thread%s on %d host%s", size, size > 1 ? "es" : "",
                        context->threads, context->threads > 1 ? "s" : "", hosts, hosts > 1 ? "s" : "");
    for (int p = 0; p < size && p < MOST_TOLD; p++)
      used += snprintf(text + used, CLI_PLACES_TEXT - (size_t)used, "; process %d on %s, core%s %s%s%s", p,
                       places[p].host, strpbrk(places[p].cores, "-,") ? "s" : "", places[p].cores,
                       places[p].nodes[0] ? ", NUMA node " : "", places[p].nodes);
    if (size > MOST_TOLD)
      snprintf(text + used, CLI_PLACES_TEXT - (size_t)used, "; ...");
  }
  free(places);
  return DNMF_OK;
}

static int cores_of(pid_t process) {
  cpu_set_t cores;
  return sched_getaffinity(process, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
}

void cli_warn_about_sharing(dnmf_context *context) {
  char advice[CLI_ADVICE_TEXT];
  const int own = cores_of(0);
  const bool bound = cli_binding_advice(own, cores_of(getppid()), context->threads, advice);
  if (context->threads > context->cores)
    dnmf_warn(context,
              "%d threads a process, which has %d core%s to itself: threads that share a core wait for each other%s",
              context->threads, context->cores, context->cores > 1 ? "s" : "", advice);
  else if (bound && context->sharers > own)
    dnmf_warn(context, "%d processes share %d core%s%s", context->sharers, own, own > 1 ? "s" : "", advice);
}
