/* Scores as CSV, each process its own lines. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/pairs.h"
#include "store/write/shared_text.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored {
  const dnmf_pairs *pairs;
  const double *scores;
  const double *deviations; /* NULL: none */
  const bool *left_out;
} scored;

static void put_score(dnmf_sink *sink, double score) {
  if (isnan(score))
    dnmf_sink_text(sink, "nan");
  else
    dnmf_sink_number(sink, score, DNMF_DOUBLE);
}

static void put_lines(dnmf_context *context, const void *state, dnmf_sink *sink) {
  const scored *all = state;
  const dnmf_pairs *pairs = all->pairs;
  if (context->rank == 0)
    dnmf_sink_text(sink, all->deviations ? "row,column,score,deviation\n" : "row,column,score\n");
  for (int64_t i = 0; i < pairs->count; i++) {
    if (all->left_out[i])
      continue;
    dnmf_sink_id(sink, &pairs->row_names, pairs->row[i]);
    dnmf_sink_text(sink, ",");
    dnmf_sink_id(sink, &pairs->col_names, pairs->col[i]);
    dnmf_sink_text(sink, ",");
    put_score(sink, all->scores[i]);
    if (all->deviations) {
      dnmf_sink_text(sink, ",");
      put_score(sink, all->deviations[i]);
    }
    dnmf_sink_text(sink, "\n");
  }
}

dnmf_status dnmf_scores_write_text(dnmf_context *context, const char *path, const dnmf_pairs *pairs,
                                   const double *scores, const double *deviations, const bool *left_out) {
  scored all = {pairs, scores, deviations, left_out};
  return dnmf_shared_write(context, path, put_lines, &all);
}
