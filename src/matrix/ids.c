#include "matrix/ids.h"

#include <stdlib.h>
#include <string.h>

void dnmf_ids_free(dnmf_ids *ids) {
  free(ids->numbers);
  free(ids->starts);
  free(ids->text);
  memset(ids, 0, sizeof *ids);
}
