/* What is done of a search, to its file and from it. */
#include "api/search.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/output.h"
#include "store/search_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEARCH_FIGURES = 8 };

int64_t dnmf_search_number_count(const dnmf_search *s, const dnmf_search_record *record) {
  return SEARCH_FIGURES + s->folds + 2 * record->figures.components;
}

static void move_figures(dnmf_search_candidate *c, double *numbers, bool to_record) {
  double *const figures[SEARCH_FIGURES] = {&c->relative_error,  &c->median_error, &c->objective, &c->silhouette_min,
                                           &c->silhouette_mean, &c->cophenetic,   &c->outliers,  &c->seconds};
  for (int f = 0; f < SEARCH_FIGURES; f++)
    *(to_record ? figures[f] : &numbers[f]) = *(to_record ? &numbers[f] : figures[f]);
}

void dnmf_search_move_numbers(const dnmf_search *s, dnmf_search_record *record, double *numbers, bool to_record) {
  const size_t folds = (size_t)s->folds * sizeof(double);
  const size_t lists = 2 * (size_t)record->figures.components * sizeof(double); /* runs lie behind stability */
  move_figures(&record->figures, numbers, to_record);
  numbers += SEARCH_FIGURES;
  memcpy(to_record ? record->fold_errors : numbers, to_record ? numbers : record->fold_errors, folds);
  numbers += s->folds;
  memcpy(to_record ? record->stability : numbers, to_record ? numbers : record->stability, lists);
}

/* Everything that a candidate's figures depend on. */
static void search_identity(const dnmf_search *s, char *text, size_t size) {
  const dnmf_fitting *f = &s->f;
  const dnmf_settings *settings = &f->settings;
  const dnmf_penalties *p = &settings->penalties;
  char loss[DNMF_LOSS_TEXT];
  snprintf(text, size,
           "matrix %" PRId64 "x%" PRId64 " %016" PRIx64
           "%s\nloss %s\nsolver %s\nsweeps %d\npenalties %.17g %.17g %.17g "
           "%.17g %d\ninit %s\nseed %" PRIu64 "\nmax-iter %d\ntol %.17g\nstop %s\nprecision %s\nrestarts %d\nperturb "
           "%d %.17g\ncluster %s\nholdout %.17g\nfolds %d\n",
           f->a.matrix.rows, f->a.matrix.cols, f->a.matrix.checksum, f->partial ? " with missing cells" : "",
           dnmf_loss_name(settings->loss, loss), dnmf_solver_name(settings->solver), settings->sweeps, p->l1_w, p->l1_h,
           p->l2_w, p->l2_h, (int)p->scale, f->init, settings->seed, settings->max_iterations, settings->tolerance,
           f->stop, dnmf_precision_name(f->precision), s->restarts, (int)s->perturb.kind, s->perturb.delta,
           s->clusters_h ? "h" : "w", s->holdout, s->folds);
}
enum { SEARCH_IDENTITY = 1024 };

/* --- Keeping ----------------------------------------------------------------------------------------------- */

static dnmf_status search_make_parts(dnmf_error *error, const dnmf_search *s, dnmf_search_part *parts, int *count) {
  for (int64_t c = 0; c < s->count; c++) {
    dnmf_search_record *record = &s->records[c];
    void *memory = NULL;
    if (!record->done)
      continue;
    dnmf_search_part *part = &parts[*count];
    part->components = (int)record->figures.components;
    part->number_count = dnmf_search_number_count(s, record);
    part->range = record->range;
    part->medians = &record->medians;
    DNMF_TRY(dnmf_allocate(error, "the figures of a search", part->number_count, sizeof(double), &memory));
    part->numbers = memory;
    dnmf_search_move_numbers(s, record, part->numbers, false);
    ++*count;
  }
  return DNMF_OK;
}

static dnmf_status search_keep_parts(dnmf_context *context, const dnmf_search *s, int count,
                                     const dnmf_search_part *parts) {
  const dnmf_source *source = &s->f.source;
  dnmf_output output = {.lock = -1};
  char identity[SEARCH_IDENTITY];
  search_identity(s, identity, sizeof identity);
  DNMF_TRY(dnmf_output_begin(context, s->asked->checkpoint, &output));
  return dnmf_output_end(context, &output,
                         dnmf_search_file_write(context, output.partial, identity,
                                                s->clusters_h ? source->cols : source->rows, count, parts));
}

dnmf_status dnmf_search_keep(dnmf_context *context, const dnmf_search *s) {
  void *memory = NULL;
  int count = 0;
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "the figures of a search", s->count, sizeof(dnmf_search_part), &memory);
  dnmf_search_part *parts = memory;
  if (status == DNMF_OK)
    status = search_make_parts(&context->error, s, parts, &count);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = search_keep_parts(context, s, count, parts);
  for (int64_t p = 0; parts && p < s->count; p++)
    free(parts[p].numbers);
  free(parts);
  return status;
}

/* --- Going on ---------------------------------------------------------------------------------------------- */

/* Names the first line in which they differ. */
static dnmf_status search_compare(dnmf_error *error, const char *path, const char *then, const char *now) {
  const char *a = then;
  const char *b = now;
  while (*a && *b) {
    const size_t length_a = strcspn(a, "\n");
    const size_t length_b = strcspn(b, "\n");
    if (length_a != length_b || strncmp(a, b, length_a) != 0)
      return dnmf_fail(error, DNMF_ERROR_USAGE,
                       "%s is of another search: \"%.*s\" there, \"%.*s\" here; give the same options, or another "
                       "--checkpoint",
                       path, (int)length_a, a, (int)length_b, b);
    a += length_a + (a[length_a] != 0);
    b += length_b + (b[length_b] != 0);
  }
  return *a || *b ? dnmf_fail(error, DNMF_ERROR_USAGE, "%s is of another version of dnmf", path) : DNMF_OK;
}

/* A candidate from the file: its medians go to the first group, as its processes own rows. */
static dnmf_status search_take(dnmf_context *context, dnmf_search *s, const char *path, dnmf_search_record *record) {
  const dnmf_grid *grid = &s->f.a.grid;
  const dnmf_layout *layout = &s->f.a.layout;
  void *memory = NULL;
  bool found = false;
  if (s->group == 0)
    record->range = s->clusters_h ? dnmf_layout_owned_cols(layout, grid->row, grid->col)
                                  : dnmf_layout_owned_rows(layout, grid->row, grid->col);
  dnmf_search_part part = {.components = (int)record->figures.components,
                           .number_count = dnmf_search_number_count(s, record),
                           .range = record->range,
                           .medians = &record->medians};
  dnmf_status status =
      dnmf_allocate(&context->error, "the figures of a search", part.number_count, sizeof(double), &memory);
  if (status == DNMF_OK)
    status = dnmf_panel_create(&context->error, "medians of components", dnmf_range_size(record->range),
                               part.components, s->f.precision, &record->medians);
  status = dnmf_agree(context, status);
  part.numbers = memory;
  if (status == DNMF_OK)
    status = dnmf_search_file_read_part(context, path, &part, &found);
  if (status == DNMF_OK && found)
    dnmf_search_move_numbers(s, record, part.numbers, true);
  else
    dnmf_panel_free(&record->medians);
  record->done = status == DNMF_OK && found;
  s->fits_kept += record->done ? s->restarts + s->folds * DNMF_SEARCH_FOLD_STARTS : 0;
  free(memory);
  return status;
}

/* The file to go on from; NULL: "auto", and there is none. The same on every process. */
static dnmf_status search_choose_file(dnmf_context *context, const dnmf_search *s, const char **path) {
  dnmf_status status = DNMF_OK;
  *path = s->asked->resume;
  if (strcmp(s->asked->resume, "auto") != 0)
    return DNMF_OK;
  *path = s->asked->checkpoint;
  if (!*path)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--resume auto needs --checkpoint FILE.h5");
  DNMF_TRY(dnmf_agree(context, status));
  const bool there = context->rank == 0 && access(*path, F_OK) == 0;
  int64_t found = there;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &found, 1));
  *path = found ? *path : NULL;
  return DNMF_OK;
}

dnmf_status dnmf_search_resume(dnmf_context *context, dnmf_search *s) {
  const char *path = NULL;
  char *then = NULL;
  char now[SEARCH_IDENTITY];
  DNMF_TRY(search_choose_file(context, s, &path));
  if (!path)
    return DNMF_OK;
  search_identity(s, now, sizeof now);
  dnmf_status status = dnmf_search_file_read(context, path, &then);
  if (status == DNMF_OK)
    status = dnmf_agree(context, search_compare(&context->error, path, then, now));
  for (int64_t c = 0; c < s->count && status == DNMF_OK; c++)
    status = search_take(context, s, path, &s->records[c]);
  free(then);
  return status;
}

/* --- Telling ----------------------------------------------------------------------------------------------- */

/* The number behind the name in the lines that tell which search it is; 0: there is none. */
static int64_t number_of_line(const char *search, const char *name) {
  const size_t length = strlen(name);
  for (const char *line = search; *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (strncmp(line, name, length) == 0 && line[length] == ' ')
      return strtoll(line + length, NULL, 10);
  return 0;
}

/* The candidates that the parts of a file are, and their errors on held-out cells. */
static dnmf_status search_tell_parts(dnmf_error *error, const char *path, int folds, dnmf_search_told *told,
                                     const dnmf_search_part *parts, double *errors) {
  const dnmf_search s = {.folds = folds};
  for (int64_t c = 0; c < told->count; c++) {
    const dnmf_search_record record = {.figures = {.components = parts[c].components}};
    if (parts[c].number_count != dnmf_search_number_count(&s, &record))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: of %d components it keeps %" PRId64 " numbers", path,
                       parts[c].components, parts[c].number_count);
    told->candidates[c] = (dnmf_search_candidate){
        .components = parts[c].components, .restarts = told->restarts, .heldout = NAN, .heldout_spread = NAN};
    move_figures(&told->candidates[c], parts[c].numbers, true);
    memcpy(errors + c * folds, parts[c].numbers + SEARCH_FIGURES, (size_t)folds * sizeof(double));
  }
  if (folds > 0)
    dnmf_choose_spread(told->count, folds, errors, told->candidates);
  return DNMF_OK;
}

dnmf_status dnmf_search_inspect(dnmf_context *context, const char *path, dnmf_search_told *told) {
  dnmf_search_part *parts = NULL;
  void *candidates = NULL;
  void *errors = NULL;
  *told = (dnmf_search_told){.count = 0};
  DNMF_TRY(dnmf_search_file_read(context, path, &told->search));
  const int64_t folds = number_of_line(told->search, "folds");
  told->restarts = number_of_line(told->search, "restarts");
  dnmf_status status = dnmf_search_file_list(context, path, &told->count, &parts);
  if (status == DNMF_OK && (folds < 0 || folds > 1000))
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s is damaged: it tells of %" PRId64 " folds", path, folds);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "candidates", told->count, sizeof *told->candidates, &candidates);
  told->candidates = candidates;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "errors of folds", told->count * folds, sizeof(double), &errors);
  if (status == DNMF_OK)
    status = search_tell_parts(&context->error, path, (int)folds, told, parts, errors);
  free(errors);
  dnmf_search_parts_free(told->count, parts);
  return dnmf_agree(context, status);
}

void dnmf_search_told_free(dnmf_search_told *told) {
  free(told->search);
  free(told->candidates);
  *told = (dnmf_search_told){.count = 0};
}
