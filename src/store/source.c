/* Sources of any format, once they are open. */
#include "store/source.h"

#include "matrix/figures.h"
#include "store/ids/ids_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dnmf_source_name_error(dnmf_error *error, const dnmf_source *source) {
  dnmf_error bare = *error;
  if ((error->status != DNMF_ERROR_INPUT && error->status != DNMF_ERROR_MEMORY) || strstr(error->text, source->name))
    return;
  error->status = DNMF_OK;
  dnmf_fail(error, bare.status, "%s%s: %s", source->name, source->selection ? ", what is selected of it" : "",
            bare.text);
}

/* Of the one name there is, as far as a message goes. */
static int name_length(const dnmf_ids *names) {
  enum { LONGEST = 200 };
  return names->starts[1] < LONGEST ? (int)names->starts[1] : LONGEST;
}

dnmf_status dnmf_source_name_place(dnmf_context *context, const dnmf_source *source) {
  const dnmf_error numbered = context->error;
  dnmf_ids names[2] = {{0}, {0}};
  int64_t place[2] = {0, 0};
  int end = 0;
  if (source->row_ids.kind == DNMF_IDS_NONE || source->col_ids.kind == DNMF_IDS_NONE ||
      sscanf(numbered.text, DNMF_VALUE_AT "%n", &place[0], &place[1], &end) != 2 || end == 0)
    return numbered.status;
  context->error.status = DNMF_OK;
  dnmf_status status = dnmf_ids_name(context, &source->row_ids, 1, &place[0], &names[0]);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, &source->col_ids, 1, &place[1], &names[1]);
  context->error = numbered;
  if (status == DNMF_OK && context->rank == 0) {
    context->error.status = DNMF_OK;
    dnmf_fail(&context->error, numbered.status, "the value of row %.*s, column %.*s%s", name_length(&names[0]),
              names[0].text, name_length(&names[1]), names[1].text, numbered.text + end);
  }
  dnmf_ids_free(&names[0]);
  dnmf_ids_free(&names[1]);
  return dnmf_agree(context, context->error.status);
}

dnmf_status dnmf_source_load(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                             dnmf_precision precision, dnmf_matrix *matrix) {
  const dnmf_number narrow = source->sparse ? (dnmf_number)0 : dnmf_narrower(precision, source->narrow);
  const dnmf_number number = dnmf_number_of(precision, narrow);
  const double stored = source->stored > 0 ? (double)source->stored : 0;
  const bool by_rows_alone = source->rows_alone || source->as_ratings;
  DNMF_TRY(dnmf_matrix_check_memory(context, source->name, layout, source->sparse, by_rows_alone, number, stored));
  dnmf_status status = source->load(context, source, layout, precision, matrix);
  if (status == DNMF_OK)
    status = dnmf_matrix_finish(context, layout, matrix);
  if (status == DNMF_ERROR_INPUT)
    status = dnmf_source_name_place(context, source);
  if (status != DNMF_OK)
    dnmf_source_name_error(&context->error, source);
  return status;
}

/* The entries of a loaded dense matrix, which is freed, as a matrix of ratings. */
static dnmf_status rate_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *dense,
                              dnmf_matrix *matrix) {
  dnmf_matrix_walk walk = {dense, 0, 0};
  dnmf_status status = dnmf_matrix_assemble_ratings(context, layout, dense->precision, true, DNMF_DUPLICATES_LAST,
                                                    dnmf_matrix_walk_next, &walk, matrix);
  free(dense->dense);
  dense->dense = NULL;
  return status;
}

/* On a grid of one column of processes, whose ranges of rows are then those of the ratings. */
static dnmf_status load_ratings_on(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                                   dnmf_precision precision, const dnmf_ratings_split *split, dnmf_matrix *figures,
                                   dnmf_ratings *ratings, dnmf_ratings_view *held_out) {
  dnmf_matrix rated = {0};
  source->as_ratings = true;
  dnmf_status status = dnmf_source_load(context, source, layout, precision, figures);
  source->as_ratings = false;
  dnmf_matrix *matrix = figures->sparse ? figures : &rated;
  if (status == DNMF_OK && !figures->sparse)
    status = rate_dense(context, layout, figures, matrix);
  if (status == DNMF_OK)
    status = dnmf_ratings_from_rows(context, layout, matrix, split, ratings, held_out);
  dnmf_matrix_free(&rated);
  return status;
}

dnmf_status dnmf_source_load_ratings(dnmf_context *context, dnmf_source *source, dnmf_precision precision,
                                     const dnmf_ratings_split *split, dnmf_matrix *figures, dnmf_ratings *ratings,
                                     dnmf_ratings_view *held_out) {
  dnmf_grid grid = {0};
  dnmf_layout layout = {0};
  memset(ratings, 0, sizeof *ratings);
  memset(figures, 0, sizeof *figures);
  dnmf_status status = dnmf_grid_create(context, context->size, 1, &grid);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_layout_even(&context->error, &grid, source->rows, source->cols, &layout));
  if (status == DNMF_OK)
    status = load_ratings_on(context, source, &layout, precision, split, figures, ratings, held_out);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  return status;
}

void dnmf_source_close(dnmf_source *source) {
  if (source->close && source->state)
    source->close(source);
  if (source->selection)
    dnmf_selection_free(source->selection);
  dnmf_ids_free(&source->row_ids);
  dnmf_ids_free(&source->col_ids);
  dnmf_ids_free(&source->feature_types);
  free(source->name);
  memset(source, 0, sizeof *source);
}
