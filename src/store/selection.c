#include "store/selection.h"

#include <stdlib.h>

void dnmf_selection_free(dnmf_selection *selection) {
  if (!selection)
    return;
  dnmf_subset_free(&selection->rows);
  dnmf_subset_free(&selection->cols);
  free(selection);
}
