#include "matrix/figures.h"

#include <stdlib.h>

void dnmf_figures_free(dnmf_figures *figures) {
  if (!figures)
    return;
  free(figures->row);
  free(figures->row_seen);
  free(figures->col_seen);
  free(figures->hash);
  free(figures);
}
