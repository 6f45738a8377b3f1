#include "comm/node_memory.h"

#include "comm/collective.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a process takes anyway is not worth a question. */
static const double WORTH_ASKING = 16e6;

enum { SIZE_TEXT = 32, LINE = 4096 };

/* --- What there is --------------------------------------------------------------------------------------- */

/* Opens root + folder + path + name; NULL when it is not there. */
static FILE *open_below(const char *root, const char *folder, const char *path, const char *name) {
  char whole[PATH_MAX];
  int length = snprintf(whole, sizeof whole, "%s%s%s%s", root, folder, path, name);
  return length > 0 && (size_t)length < sizeof whole ? fopen(whole, "r") : NULL;
}

/* The number behind `key` at the beginning of a line; NAN when there is none. */
static double number_behind(FILE *file, const char *key) {
  char line[LINE];
  size_t length = strlen(key);
  double value = NAN;
  while (isnan(value) && fgets(line, sizeof line, file))
    if (strncmp(line, key, length) == 0 && sscanf(line + length, "%lf", &value) != 1)
      value = NAN;
  return value;
}

static double machine_rest(const char *root) {
  FILE *file = open_below(root, "/proc/meminfo", "", "");
  if (!file)
    return INFINITY;
  double kilobytes = number_behind(file, "MemAvailable:");
  fclose(file);
  return isnan(kilobytes) ? INFINITY : 1024 * kilobytes;
}

/* How a version of control groups calls its files, and where they are mounted. */
typedef struct group_version {
  const char *folder;
  const char *limit;
  const char *usage;
  const char *inactive; /* in memory.stat: pages of files, which are given up for others */
  const char *active;
} group_version;

static const group_version first_version = {"/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes",
                                            "total_inactive_file ", "total_active_file "};
static const group_version second_version = {"/sys/fs/cgroup", "/memory.max", "/memory.current", "inactive_file ",
                                             "active_file "};

/* What the group's file `name` says behind `key`; NAN when it is not there or no number ("max"). */
static double group_number(const char *root, const group_version *version, const char *path, const char *name,
                           const char *key) {
  FILE *file = open_below(root, version->folder, path, name);
  if (!file)
    return NAN;
  double value = number_behind(file, key);
  fclose(file);
  return value;
}

static double group_rest(const char *root, const group_version *version, const char *path) {
  double limit = group_number(root, version, path, version->limit, "");
  double used = group_number(root, version, path, version->usage, "");
  double inactive = group_number(root, version, path, "/memory.stat", version->inactive);
  double active = group_number(root, version, path, "/memory.stat", version->active);
  if (isnan(limit) || limit >= 0x1p62 || isnan(used)) /* version 1 says so that there is no limit */
    return INFINITY;
  used -= (isnan(inactive) ? 0 : inactive) + (isnan(active) ? 0 : active);
  return fmax(0, limit - fmax(0, used));
}

/* Limits of a group hold for those below it. In a container, the outer ones may not be in sight. */
static void look_at_groups(const char *root, const group_version *version, char *path, dnmf_node_memory *memory) {
  for (;;) {
    double rest = group_rest(root, version, path);
    if (rest < memory->group) {
      memory->group = rest;
      snprintf(memory->group_path, sizeof memory->group_path, "%.*s", DNMF_GROUP_PATH - 1, *path ? path : "/");
    }
    char *last = strrchr(path, '/');
    if (!last)
      return;
    *last = 0;
  }
}

/* A line is ID:CONTROLLERS:PATH; version 2 has no controllers there. */
void dnmf_node_memory_read(const char *root, dnmf_node_memory *memory) {
  char line[LINE];
  *memory = (dnmf_node_memory){.machine = machine_rest(root), .group = INFINITY};
  FILE *file = open_below(root, "/proc/self/cgroup", "", "");
  while (file && fgets(line, sizeof line, file)) {
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
      continue;
    *path++ = 0;
    path[strcspn(path, "\n")] = 0;
    if (controllers[1] == 0)
      look_at_groups(root, &second_version, path, memory);
    else if (strstr(controllers, "memory"))
      look_at_groups(root, &first_version, path, memory);
  }
  if (file)
    fclose(file);
}

/* --- What is needed -------------------------------------------------------------------------------------- */

static const char *size_text(double bytes, char text[SIZE_TEXT]) {
  const bool large = bytes >= 1e12;
  snprintf(text, SIZE_TEXT, bytes < 1e9 ? "%.0f MB" : "%.1f %s",
           bytes < 1e9 ? bytes / 1e6 : bytes / (large ? 1e12 : 1e9), large ? "TB" : "GB");
  return text;
}

dnmf_status dnmf_node_memory_compare(dnmf_error *error, const char *what, const char *way_out,
                                     const dnmf_memory_need *need, const dnmf_node_memory *memory) {
  const bool machine_is_short = need->bytes > memory->machine;
  const bool group_is_short = need->group_bytes > memory->group;
  char needed[SIZE_TEXT];
  char machine[SIZE_TEXT] = "no known limit";
  char group[SIZE_TEXT] = "no limit";
  if (!machine_is_short && !group_is_short)
    return DNMF_OK;
  const int processes = machine_is_short ? need->processes : need->group_processes;
  if (isfinite(memory->machine))
    size_text(memory->machine, machine);
  if (isfinite(memory->group))
    size_text(memory->group, group);
  return dnmf_fail(error, DNMF_ERROR_MEMORY,
                   "not enough memory: %s needs at least %s on this machine (%d process%s); of the machine's memory %s "
                   "can still be had, of its control group's%s%s %s; %s",
                   what, size_text(machine_is_short ? need->bytes : need->group_bytes, needed), processes,
                   processes > 1 ? "es" : "", machine, *memory->group_path ? " " : "", memory->group_path, group,
                   way_out);
}

/* The same for processes whose tightest control group is the same; nonnegative, as MPI_Comm_split wants. */
static int group_color(const dnmf_node_memory *memory) {
  unsigned color = 0;
  for (const char *c = memory->group_path; *c; c++)
    color = color * 31 + (unsigned char)*c;
  return (int)(color & INT_MAX);
}

/* The sum over the processes of `comm`, and their number. */
static dnmf_status sum_and_count(dnmf_context *context, MPI_Comm comm, double *bytes, int *processes) {
  dnmf_status status = dnmf_mpi_check(context, MPI_Comm_size(comm, processes), "MPI_Comm_size");
  if (status == DNMF_OK)
    status = dnmf_sum_doubles(context, comm, bytes, 1);
  return status;
}

static dnmf_status need_of_machine(dnmf_context *context, const dnmf_node_memory *memory, dnmf_memory_need *need) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm group = MPI_COMM_NULL;
  int code = MPI_Comm_split_type(context->comm, MPI_COMM_TYPE_SHARED, context->rank, MPI_INFO_NULL, &node);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Comm_split_type"));
  dnmf_status status = sum_and_count(context, node, &need->bytes, &need->processes);
  if (status == DNMF_OK)
    status =
        dnmf_mpi_check(context, MPI_Comm_split(node, group_color(memory), context->rank, &group), "MPI_Comm_split");
  if (status == DNMF_OK)
    status = sum_and_count(context, group, &need->group_bytes, &need->group_processes);
  if (group != MPI_COMM_NULL)
    MPI_Comm_free(&group);
  MPI_Comm_free(&node);
  return status;
}

dnmf_status dnmf_check_memory(dnmf_context *context, const char *what, const char *way_out, double bytes) {
  dnmf_node_memory memory;
  dnmf_memory_need need = {bytes, 1, bytes, 1};
  double most = bytes;
  DNMF_TRY(dnmf_max_doubles(context, context->comm, &most, 1));
  if (most < WORTH_ASKING)
    return DNMF_OK;
  dnmf_node_memory_read("", &memory);
  if (context->size > 1)
    DNMF_TRY(need_of_machine(context, &memory, &need));
  return dnmf_agree(context, dnmf_node_memory_compare(&context->error, what, way_out, &need, &memory));
}

dnmf_status dnmf_memory_left(dnmf_context *context, double *bytes) {
  dnmf_node_memory memory;
  dnmf_memory_need need = {0, 1, 0, 1};
  dnmf_node_memory_read("", &memory);
  if (context->size > 1)
    DNMF_TRY(need_of_machine(context, &memory, &need));
  double taken = -fmin(memory.machine / need.processes, memory.group / need.group_processes);
  DNMF_TRY(dnmf_max_doubles(context, context->comm, &taken, 1));
  *bytes = -taken;
  return DNMF_OK;
}
