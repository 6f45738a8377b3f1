/* A NumPy array as a source: every process reads its block from the file. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/numpy/array_load.h"
#include "store/readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status npy_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_matrix *matrix) {
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_status status = dnmf_array_open_file(&context->error, source->state, &array);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_load_array(context, source, layout, precision, &array, matrix);
  dnmf_array_close(&array);
  return status;
}

static void npy_close_source(dnmf_source *source) {
  free(source->state);
  source->state = NULL;
}

dnmf_status dnmf_open_npy(dnmf_context *context, const char *path, dnmf_source *source) {
  dnmf_array array = {.file = -1, .type = -1};
  dnmf_npy header = {0};
  dnmf_status status = DNMF_OK;
  source->load = npy_load;
  source->selects = true;
  source->close = npy_close_source;
  source->state = strdup(path);
  if (!source->state)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  else if (context->rank == 0)
    status = dnmf_array_open_file(&context->error, path, &array);
  if (status == DNMF_OK && context->rank == 0)
    status = dnmf_array_check(&context->error, &array, 2, false);
  header = array.header;
  dnmf_array_close(&array);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, &header, (int64_t)sizeof header, 0));
  source->format = "NumPy array";
  dnmf_describe_array(&header, source);
  return DNMF_OK;
}
