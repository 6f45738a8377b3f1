#include "factor/ranking.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_ranking_create(dnmf_error *error, int64_t count, dnmf_ranking *ranking) {
  memset(ranking, 0, sizeof *ranking);
  ranking->count = count;
  int64_t **members[] = {&ranking->row, &ranking->place, &ranking->col};
  void *memory = NULL;
  for (int m = 0; m < 3; m++) {
    DNMF_TRY(dnmf_allocate(error, "ranked columns", count, sizeof(int64_t), &memory));
    *members[m] = memory;
  }
  DNMF_TRY(dnmf_allocate(error, "ranked columns", count, sizeof(double), &memory));
  ranking->score = memory;
  return DNMF_OK;
}

void dnmf_ranking_free(dnmf_ranking *ranking) {
  free(ranking->row);
  free(ranking->place);
  free(ranking->col);
  free(ranking->score);
  free(ranking->observations);
  memset(ranking, 0, sizeof *ranking);
}
