/* A plan as a table for people and as a JSON object. */
#include "plan.h"

#include <inttypes.h>

static double all_words(const dnmf_traffic *traffic) {
  return traffic->gather_words + traffic->scatter_words + traffic->gram_words + traffic->control_words;
}

static double efficiency(const cli_plan *plan, const dnmf_cost *cost) {
  return plan->alone / (cost->processes * cost->seconds.total);
}

static bool observed(const cli_plan *plan) {
  return plan->job.missing == DNMF_MISSING_UNOBSERVED;
}

static json_t *cost_json(const cli_plan *plan, const dnmf_cost *cost) {
  char grid[32];
  const dnmf_cost_memory *m = &cost->memory;
  const dnmf_fit_seconds *s = &cost->seconds;
  const dnmf_traffic *t = &cost->traffic;
  snprintf(grid, sizeof grid, "%dx%d", cost->grid_rows, cost->grid_cols);
  return cli_json_pack("{s:i, s:s, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}, s:{s:f, s:f, s:f, s:f, s:f, s:f},"
                       " s:f, s:{s:f, s:f, s:f, s:f}, s:f, s:i}",
                       "processes", cost->processes, "grid", grid, "memory", "block", m->block, "factors", m->factors,
                       "grams", m->grams, "work", m->work, "chains", m->chains, "draws", m->draws, "loading",
                       m->loading, "peak", m->peak, "program", (json_int_t)plan->program, "traffic", "words",
                       all_words(t), "messages", t->messages, "gather_words", t->gather_words, "scatter_words",
                       t->scatter_words, "gram_words", t->gram_words, "control_words", t->control_words, "seconds",
                       s->total, "iteration_seconds", "product", s->product, "gram", s->gram, "update", s->update,
                       "exchange", s->exchange, "efficiency", efficiency(plan, cost), "side_by_side", cost->starts);
}

static json_t *to_json(const cli_plan *plan, int threads) {
  const dnmf_job *job = &plan->job;
  json_t *costs = json_array();
  for (int64_t i = 0; i < plan->count; i++)
    cli_json_append(&costs, cost_json(plan, &plan->costs[i]));
  char loss[DNMF_LOSS_TEXT];
  return cli_json_pack(
      "{s:s, s:s, s:s?, s:I, s:I, s:f, s:b, s:s, s:i, s:i, s:I, s:s, s:s, s:s, s:i, s:o, s:f, s:o}", "command", "plan",
      "version", DNMF_VERSION, "input", plan->input, "rows", (json_int_t)job->rows, "cols", (json_int_t)job->cols,
      "stored", job->stored, "sparse", job->sparse, "missing", dnmf_missing_name(job->missing), "components",
      job->components, "restarts", job->restarts > 0 ? job->restarts : 1, "groups",
      (json_int_t)(plan->groups > 1 ? plan->groups : 1), "loss", dnmf_loss_name(job->loss, loss), "solver",
      dnmf_solver_name(job->solver), "precision", dnmf_precision_name(job->precision), "threads", threads, "machine",
      cli_machine_json(&plan->machine.figures), "seconds_alone", plan->alone, "plans", costs);
}

static void print_head(cli_session *session, const cli_plan *plan) {
  const dnmf_job *job = &plan->job;
  const dnmf_machine *machine = &plan->machine.figures;
  char line[512];
  char speed[CLI_SIZE_TEXT];
  char network[CLI_SIZE_TEXT];
  cli_say(session, "%s %" PRId64 " x %" PRId64 ", %.4g %s, k = %d, %s, %s, %d thread%s a process",
          job->sparse ? "sparse" : "dense", job->rows, job->cols, job->stored,
          observed(plan) ? "observed entries" : "stored entries", job->components, dnmf_solver_name(job->solver),
          dnmf_precision_name(job->precision), session->context->threads, session->context->threads > 1 ? "s" : "");
  int used = 0;
  for (int kind = 0; kind < DNMF_WORK_KINDS; kind++)
    if (machine->rate[kind] > 0)
      used += snprintf(line + used, sizeof line - (size_t)used, "%s %s %.3g",
                       used ? "," : " Gflop/s:", dnmf_work_name((dnmf_work_kind)kind), machine->rate[kind] * 1e-9);
  if (used == 0)
    snprintf(line, sizeof line, " %.3g Gflop/s", machine->flops * 1e-9);
  cli_say(session, "a process:%s; memory %s/s (%s)", line, cli_size_text(machine->bandwidth, speed),
          plan->machine.origin);
  cli_say(session, "between processes: %.3g us a message, %s/s (%s)", machine->latency * 1e6,
          cli_size_text(machine->network, network), plan->machine.network_origin);
}

static const char *grid_text(const cli_plan *plan, const dnmf_cost *cost, char text[32]) {
  if (observed(plan))
    return "-";
  snprintf(text, 32, "%dx%d", cost->grid_rows, cost->grid_cols);
  return text;
}

static void print_row(cli_session *session, const cli_plan *plan, const dnmf_cost *cost) {
  char grid[32];
  char memory[CLI_SIZE_TEXT];
  char block[CLI_SIZE_TEXT];
  const double p = cost->processes;
  cli_say(session, "%9d %8s %9s %9s %9.4g %8.4g %9.3g %9.0f%%", cost->processes, grid_text(plan, cost, grid),
          cli_size_text(cost->memory.peak + (double)plan->program, memory), cli_size_text(cost->memory.block, block),
          all_words(&cost->traffic) / p, cost->traffic.messages / p, cost->seconds.total, 100 * efficiency(plan, cost));
}

/* Where the seconds go. */
static void print_shares(cli_session *session, const cli_plan *plan, const dnmf_cost *cost) {
  char grid[32];
  const dnmf_fit_seconds *s = &cost->seconds;
  const double whole = s->total > 0 ? s->total / 100 : 1;
  cli_say(session, "%9d %8s %8.0f%% %8.0f%% %8.0f%% %8.0f%%", cost->processes, grid_text(plan, cost, grid),
          s->product / whole, s->gram / whole, s->update / whole, s->exchange / whole);
}

/* What restarts an iteration is of, which may differ between grids. */
static void print_restarts(cli_session *session, const cli_plan *plan) {
  char text[256];
  int used = 0;
  if (plan->job.restarts == 0)
    return;
  for (int64_t i = 0; i < plan->count && used < (int)sizeof text - 16; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%s%d", i > 0 ? ", " : "", plan->costs[i].starts);
  cli_say(session, "%d restarts; an iteration is of as many as are fitted side by side%s: %s", plan->job.restarts,
          plan->groups > 1 ? " in a group" : "", text);
  if (plan->groups > 1)
    cli_say(session, "%" PRId64 " groups of processes share them: each line is of one, and of its processes",
            plan->groups);
}

/* What an iteration is of, with --samples. */
static void print_chains(cli_session *session, const cli_plan *plan) {
  const dnmf_job *job = &plan->job;
  if (job->chains > 1)
    cli_say(session, "%d draws of %d chains are kept; an iteration is a sweep of every chain", job->draws, job->chains);
  else if (job->draws > 0)
    cli_say(session, "%d draws of a chain are kept; an iteration is a sweep", job->draws);
}

void cli_plan_print(cli_session *session, const cli_plan *plan) {
  char program[CLI_SIZE_TEXT];
  print_head(session, plan);
  print_restarts(session, plan);
  print_chains(session, plan);
  cli_say(session, "\n%9s %8s %9s %9s %9s %8s %9s %10s", "processes", "grid", "memory", "block", "words", "messages",
          "s/iter", "efficiency");
  for (int64_t i = 0; i < plan->count; i++)
    print_row(session, plan, &plan->costs[i]);
  cli_say(session, "\n%9s %8s %9s %9s %9s %9s", "processes", "grid", "product", "gram", "update", "exchange");
  for (int64_t i = 0; i < plan->count; i++)
    print_shares(session, plan, &plan->costs[i]);
  cli_say(session,
          "\nA process and an iteration each; memory at its peak with the %s of the program itself; efficiency against "
          "one process, %.3g s an iteration.%s",
          cli_size_text((double)plan->program, program), plan->alone,
          observed(plan) ? " Words of ratings are a bound, reached when every process has entries in every row and "
                           "column; their memory follows from it."
                         : "");
  cli_print_json(session, to_json(plan, session->context->threads));
}
