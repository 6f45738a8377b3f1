/* A machine from the command line: assumed, read, measured, given; and back to a file. */
#include "plan.h"

#include "comm/collective.h"
#include "store/output.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct figure {
  const char *name;
  size_t offset;
} figure;

static const figure figures[] = {{"flops", offsetof(dnmf_machine, flops)},
                                 {"bandwidth", offsetof(dnmf_machine, bandwidth)},
                                 {"latency", offsetof(dnmf_machine, latency)},
                                 {"network", offsetof(dnmf_machine, network)}};
enum { FIGURES = sizeof figures / sizeof *figures };

static double *at(dnmf_machine *machine, const figure *f) {
  void *found = (char *)machine + f->offset;
  return found;
}

json_t *cli_machine_json(const dnmf_machine *machine) {
  dnmf_machine copy = *machine;
  json_t *object = json_object();
  for (int f = 0; f < FIGURES; f++)
    cli_json_set(&object, figures[f].name, cli_json_real(*at(&copy, &figures[f])));
  if (machine->components == 0)
    return object;
  json_t *rates = json_object();
  for (int kind = 0; kind < DNMF_WORK_KINDS; kind++)
    if (machine->rate[kind] > 0)
      cli_json_set(&rates, dnmf_work_name((dnmf_work_kind)kind), cli_json_real(machine->rate[kind]));
  cli_json_set(&object, "measured",
               cli_json_pack("{s:i, s:s, s:i, s:o}", "components", machine->components, "precision",
                             dnmf_precision_name(machine->precision), "threads", machine->threads, "rates", rates));
  return object;
}

/* A positive number of `object`, if it is there. */
static dnmf_status take_number(dnmf_error *error, const char *path, const json_t *object, const char *name,
                               double *value) {
  const json_t *found = json_object_get(object, name);
  if (!found)
    return DNMF_OK;
  *value = json_number_value(found);
  if (json_is_number(found) && *value > 0 && isfinite(*value))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "--machine %s: %s must be a positive number", path, name);
}

static dnmf_status take_rates(dnmf_error *error, const char *path, const json_t *measured, dnmf_machine *machine) {
  const char *precision = json_string_value(json_object_get(measured, "precision"));
  const json_t *rates = json_object_get(measured, "rates");
  double components = 0;
  double threads = 0;
  DNMF_TRY(take_number(error, path, measured, "components", &components));
  DNMF_TRY(take_number(error, path, measured, "threads", &threads));
  if (!precision || !json_is_object(rates) || !(components >= 1 && components <= 1e6) ||
      !(threads >= 1 && threads <= 4096))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "--machine %s: `measured` must hold components, precision, threads and rates", path);
  machine->components = (int)components;
  machine->threads = (int)threads;
  machine->precision = strcmp(precision, dnmf_precision_name(DNMF_SINGLE)) == 0 ? DNMF_SINGLE : DNMF_DOUBLE;
  for (int kind = 0; kind < DNMF_WORK_KINDS; kind++)
    DNMF_TRY(take_number(error, path, rates, dnmf_work_name((dnmf_work_kind)kind), &machine->rate[kind]));
  return DNMF_OK;
}

static dnmf_status read_machine(dnmf_error *error, const char *path, dnmf_machine *machine) {
  json_error_t problem;
  json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
  if (!object)
    return dnmf_fail(error, DNMF_ERROR_FILE, "--machine %s: %s%s", path, problem.text,
                     problem.line > 0 ? "; it must be JSON as --save writes it" : "");
  dnmf_status status = DNMF_OK;
  if (!json_is_object(object))
    status = dnmf_fail(error, DNMF_ERROR_INPUT, "--machine %s: it must hold a JSON object, as --save writes it", path);
  for (int f = 0; f < FIGURES && status == DNMF_OK; f++)
    status = take_number(error, path, object, figures[f].name, at(machine, &figures[f]));
  const json_t *measured = json_object_get(object, "measured");
  if (status == DNMF_OK && measured)
    status = take_rates(error, path, measured, machine);
  json_decref(object);
  return status;
}

/* Process 0 reads. */
static dnmf_status load_machine(cli_session *session, const char *path, dnmf_machine *machine) {
  dnmf_context *context = session->context;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = read_machine(&context->error, path, machine);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, machine, (int64_t)sizeof *machine, 0);
}

/* Process 0 writes. */
static dnmf_status save(cli_session *session, const char *path, const dnmf_machine *machine) {
  dnmf_context *context = session->context;
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, path, &output));
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    json_t *object = cli_machine_json(machine);
    if (!object || json_dump_file(object, output.partial, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
      status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "--save %s could not be written: %s", path, strerror(errno));
    json_decref(object);
  }
  return dnmf_output_end(context, &output, dnmf_agree(context, status));
}

/* Given numbers replace what they stand for: a flop rate or bandwidth also the rates measured. */
static void take_given(const cli_plan_options *options, cli_machine *machine) {
  const double given[FIGURES] = {options->flops, options->bandwidth, options->latency, options->network};
  for (int f = 0; f < FIGURES; f++)
    if (given[f] > 0)
      *at(&machine->figures, &figures[f]) = given[f];
  if (options->flops > 0 || options->bandwidth > 0) {
    memset(machine->figures.rate, 0, sizeof machine->figures.rate);
    machine->figures.components = 0;
    snprintf(machine->origin, sizeof machine->origin, "given");
  }
  if (options->latency > 0 || options->network > 0)
    snprintf(machine->network_origin, sizeof machine->network_origin, "given");
}

dnmf_status cli_plan_machine(cli_session *session, const cli_plan_options *options, const dnmf_machine_work *block,
                             cli_machine *machine) {
  dnmf_context *context = session->context;
  machine->figures = dnmf_machine_assumed();
  snprintf(machine->origin, sizeof machine->origin, "assumed; --measure measures it");
  snprintf(machine->network_origin, sizeof machine->network_origin,
           "assumed; --measure on two processes or more measures it");
  if (options->machine) {
    DNMF_TRY(load_machine(session, options->machine, &machine->figures));
    snprintf(machine->origin, sizeof machine->origin, "%s", options->machine);
    snprintf(machine->network_origin, sizeof machine->network_origin, "%s", options->machine);
  }
  if (options->measure) {
    DNMF_TRY(dnmf_machine_measure(context, block, &machine->figures));
    snprintf(machine->origin, sizeof machine->origin, "measured on %d process%s", context->size,
             context->size > 1 ? "es" : "");
    if (context->size > 1)
      memcpy(machine->network_origin, machine->origin, sizeof machine->origin);
  }
  take_given(options, machine);
  return options->save ? save(session, options->save, &machine->figures) : DNMF_OK;
}
