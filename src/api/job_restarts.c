#include "api/job_restarts.h"

#include "api/restart_checkpoint.h"
#include "comm/node_memory.h"

#include <math.h>

/* Of the memory that is left, what is planned with: libraries and the allocator take their share. */
static const double PLANNED_MEMORY = 0.85;

dnmf_status dnmf_fitting_plan_restarts(dnmf_context *context, dnmf_fitting *f) {
  dnmf_job job = dnmf_fitting_cost(f);
  double bytes = INFINITY;
  if (f->asked.zeros.restarts <= 1)
    return DNMF_OK;
  f->restart_count = (int)f->asked.zeros.restarts;
  f->predicted = 0; /* was of a single fit */
  job.stored = fmax(0, job.stored);
  DNMF_TRY(dnmf_memory_left(context, &bytes));
  const int groups = f->group_count > 1 ? f->group_count : 1; /* the others take as much */
  f->side_by_side = dnmf_restarts_at_once(context, &job, f->a.grid.rows, f->a.grid.cols,
                                          (f->restart_count + groups - 1) / groups, PLANNED_MEMORY * bytes / groups);
  return DNMF_OK;
}

static dnmf_status save_restarts(void *state, const dnmf_restarts *now, bool last) {
  (void)now; /* they are the fit's */
  return dnmf_restarts_save(state, last);
}

dnmf_status dnmf_fitting_iterate_restarts(dnmf_context *context, dnmf_fitting *f) {
  dnmf_restarts_host host = {context, f};
  dnmf_restarts *restarts = &f->restarts;
  if (!restarts->items)
    DNMF_TRY(dnmf_agree(context, dnmf_restarts_create(&context->error, f->restart_count, f->settings.seed, restarts)));
  restarts->side_by_side = f->side_by_side;
  restarts->state = &host;
  restarts->start = dnmf_restarts_start;
  restarts->save = f->settings.host->save ? save_restarts : NULL;
  DNMF_TRY(dnmf_fit_restarts(context, &f->settings, &f->a.matrix, &f->a.layout, restarts));
  restarts->state = NULL;
  dnmf_restarts_take_best(f);
  dnmf_fit_result_move(&restarts->items[f->best_restart].result, &f->result);
  f->result.seconds = restarts->seconds;
  f->result.traffic = restarts->traffic;
  f->result.interrupted = restarts->save && dnmf_restarts_unfinished(restarts);
  if (f->result.interrupted)
    f->result.stop_reason = restarts->ended;
  return DNMF_OK;
}
