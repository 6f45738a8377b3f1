/* Rows that come in batches: an online fit behind the door. */
#include "fit/online_fit.h"

#include "api/data.h"
#include "api/data_source.h"
#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dnmf_online_settings_init(dnmf_online_settings *settings) {
  *settings = (dnmf_online_settings){.loss = "frobenius", .keep = 1, .updates = 30, .tol = 1e-4, .precision = "double"};
}

/* --- Making one -------------------------------------------------------------------------------------------- */

static dnmf_status settle_online(dnmf_error *error, const dnmf_online_settings *given, dnmf_online *online) {
  static const char *const precisions[] = {"double", "single", NULL};
  int precision = 0;
  const struct {
    const char *name;
    double value;
    double most;
  } numbers[] = {{"l1_w", given->l1_w, INFINITY}, {"l1_h", given->l1_h, INFINITY}, {"l2_w", given->l2_w, INFINITY},
                 {"l2_h", given->l2_h, INFINITY}, {"keep", given->keep, 1},        {"tol", given->tol, INFINITY}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!(numbers[i].value >= 0 && numbers[i].value <= numbers[i].most))
      return dnmf_fail(error, DNMF_ERROR_USAGE, "%s of an online fit is %g; give a number from 0%s", numbers[i].name,
                       numbers[i].value, numbers[i].most == 1 ? " to 1" : " on");
  if (given->updates < 1 || given->updates > 1000000000)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "updates of an online fit are %" PRId64 "; give a number from 1 to 1000000000", given->updates);
  if (given->loss && !dnmf_loss_parse(given->loss, &online->loss))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "loss \"%s\": give frobenius, kullback-leibler, itakura-saito or a number, the beta of a "
                     "beta-divergence",
                     given->loss);
  DNMF_TRY(dnmf_choose(error, "precision", given->precision, precisions, &precision));
  online->precision = (dnmf_precision)precision;
  online->l1_w = given->l1_w;
  online->l1_h = given->l1_h;
  online->l2_w = given->l2_w;
  online->l2_h = given->l2_h;
  online->keep = given->keep;
  online->updates = (int)given->updates;
  online->tolerance = given->tol;
  return DNMF_OK;
}

/* Numbers of dense data that are rows of a panel, or its columns, into the panel of this process. collective */
static dnmf_status fetch_panel(dnmf_context *context, const char *name, const dnmf_data *data,
                               const dnmf_rectangle *wanted, bool transposed, dnmf_panel *panel) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, name, wanted->rows * wanted->cols, sizeof(double), &memory);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_dense_fetch(context, data, wanted, memory);
  const double *values = memory;
  for (int64_t row = 0; row < panel->rows && status == DNMF_OK; row++)
    for (int c = 0; c < panel->components && status == DNMF_OK; c++) {
      const double value = values[transposed ? c * panel->rows + row : row * panel->components + c];
      if (!(value >= 0 && value < INFINITY))
        status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                           "%s has the number %g; all must be finite and not negative", name, value);
      else
        dnmf_panel_set(panel, row, c, value);
    }
  free(memory);
  return dnmf_agree(context, status);
}

static dnmf_status check_of_h(dnmf_error *error, const char *name, const dnmf_data *h, const dnmf_data *data) {
  if (data && (data->kind != DNMF_DATA_DENSE || data->rows != h->rows || data->cols != h->cols))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s of an online fit have to be dense data of %" PRId64 " x %" PRId64,
                     name, h->rows, h->cols);
  return DNMF_OK;
}

static dnmf_status check_online_arguments(dnmf_context *context, const dnmf_data *h, const dnmf_data *numerators,
                                          const dnmf_data *denominators) {
  DNMF_TRY(dnmf_require(context, "dnmf_online_create", "H", h));
  DNMF_TRY(check_of_h(&context->error, "the columns of H", h, h));
  DNMF_TRY(check_of_h(&context->error, "numerators", h, numerators));
  DNMF_TRY(check_of_h(&context->error, "denominators", h, denominators));
  if (!numerators != !denominators)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "an online fit goes on from numerators and denominators together, and one of them is missing");
  if (h->rows > 1000000)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "an online fit of %" PRId64 " components: give at most 1000000",
                     h->rows);
  return DNMF_OK;
}

static dnmf_status fill_online(dnmf_context *context, const dnmf_data *h, const dnmf_data *numerators,
                               const dnmf_data *denominators, dnmf_online *online) {
  DNMF_TRY(dnmf_online_open(context, h->cols, (int)h->rows, online));
  const dnmf_rectangle owned = {0, online->h.owned.begin, h->rows, dnmf_range_size(online->h.owned)};
  DNMF_TRY(fetch_panel(context, "H", h, &owned, true, &online->h.mine));
  DNMF_TRY(fetch_panel(context, "numerators", numerators ? numerators : h, &owned, true, &online->numerators));
  if (denominators)
    DNMF_TRY(fetch_panel(context, "denominators", denominators, &owned, true, &online->divisors));
  return dnmf_online_share_h(context, online);
}

static void destroy_online(dnmf_online *online) {
  if (online)
    dnmf_online_close(online);
  free(online);
}

void dnmf_online_destroy(dnmf_online **online) {
  if (!online)
    return;
  destroy_online(*online);
  *online = NULL;
}

int dnmf_online_create(dnmf_library *library, const dnmf_online_settings *settings, const dnmf_data *h,
                       const dnmf_data *numerators, const dnmf_data *denominators, dnmf_online **online) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_online_settings given;
  void *memory = NULL;
  if (online)
    *online = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_online_settings_init(&given);
  if (settings)
    given = *settings;
  dnmf_status status = dnmf_require(context, "dnmf_online_create", "place for the online fit", online);
  if (status == DNMF_OK)
    status = check_online_arguments(context, h, numerators, denominators);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "an online fit", 1, sizeof **online, &memory);
  dnmf_online *made = memory;
  if (status == DNMF_OK)
    status = settle_online(&context->error, &given, made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = fill_online(context, h, numerators, denominators, made);
  if (status == DNMF_OK)
    *online = made;
  else
    destroy_online(made);
  return dnmf_library_leave(library, status);
}

/* --- Batches ----------------------------------------------------------------------------------------------- */

/* A batch as this process holds it: its even share of the rows, whole. */
typedef struct online_batch {
  dnmf_source source;
  dnmf_layout layout;
  dnmf_matrix matrix;
  dnmf_range rows; /* of this process */
  dnmf_panel w;
} online_batch;

static void online_batch_free(online_batch *b) {
  dnmf_panel_free(&b->w);
  dnmf_matrix_free(&b->matrix);
  dnmf_layout_free(&b->layout);
  dnmf_source_close(&b->source);
}

static dnmf_status check_batch(dnmf_context *context, const char *function, const dnmf_online *online,
                               const dnmf_data *batch, const dnmf_data *w) {
  DNMF_TRY(dnmf_require(context, function, "online fit", online));
  DNMF_TRY(dnmf_require(context, function, "batch", batch));
  if (batch->kind != DNMF_DATA_DENSE && batch->kind != DNMF_DATA_SPARSE)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: a batch has to be dense blocks or sparse rows", function);
  if (batch->cols != online->h.rows)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "%s: a batch of %" PRId64 " columns, and the online fit has %" PRId64, function, batch->cols,
                     online->h.rows);
  if (w && (w->kind != DNMF_DATA_DENSE || w->rows != batch->rows || w->cols != online->h.components))
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: w has to be dense data of %" PRId64 " x %d", function,
                     batch->rows, online->h.components);
  return DNMF_OK;
}

static dnmf_status load_batch(dnmf_context *context, const dnmf_online *online, const dnmf_data *data,
                              const dnmf_data *w, online_batch *b) {
  DNMF_TRY(dnmf_data_open(context, data, DNMF_AS_ZEROS, &b->source));
  b->source.rows_alone = !online->loss.divergence;
  DNMF_TRY(dnmf_agree(context, dnmf_layout_even(&context->error, &online->grid, data->rows, data->cols, &b->layout)));
  DNMF_TRY(dnmf_online_check_rows(context, online, data->rows / context->size));
  DNMF_TRY(dnmf_source_load(context, &b->source, &b->layout, online->precision, &b->matrix));
  b->rows = b->matrix.row_range;
  dnmf_status status = dnmf_panel_create(&context->error, "rows of W", dnmf_range_size(b->rows), online->h.components,
                                         online->precision, &b->w);
  DNMF_TRY(dnmf_agree(context, status));
  const dnmf_rectangle wanted = {b->rows.begin, 0, b->w.rows, b->w.components};
  return w ? fetch_panel(context, "w", w, &wanted, false, &b->w) : DNMF_OK;
}

/* Rows of a panel that processes hold in `held`, as double. collective */
static dnmf_status give_rows(dnmf_context *context, dnmf_range held, const dnmf_panel *mine, dnmf_range wanted,
                             double *out, int64_t row_step, int64_t component_step) {
  dnmf_panel rows = {0};
  dnmf_status status = dnmf_panel_create(&context->error, "rows of a factor", dnmf_range_size(wanted), mine->components,
                                         mine->precision, &rows);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_range(context, held, mine->data,
                              (size_t)mine->components * dnmf_precision_size(mine->precision), wanted, rows.data);
  for (int64_t i = 0; i < rows.rows && status == DNMF_OK && out; i++)
    for (int c = 0; c < rows.components; c++)
      out[i * row_step + c * component_step] = dnmf_panel_get(&rows, i, c);
  dnmf_panel_free(&rows);
  return status;
}

/* The rows that this process gave. */
static dnmf_range given_rows(const dnmf_data *data) {
  const bool sparse = data->kind == DNMF_DATA_SPARSE;
  const int64_t first = sparse ? data->sparse.first_row : data->dense.first_row;
  const int64_t count = sparse ? data->sparse.rows : data->dense.rows;
  return count > 0 ? (dnmf_range){first, first + count} : (dnmf_range){0, 0};
}

/* The penalties of a batch, from sums over all processes. collective */
static dnmf_status add_penalties(dnmf_context *context, const dnmf_online *s, const online_batch *b,
                                 const dnmf_panel *h, double *objective) {
  double sums[4] = {dnmf_panel_sum(&b->w), dnmf_panel_dot(context, &b->w, &b->w), dnmf_panel_sum(h),
                    dnmf_panel_dot(context, h, h)};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 4));
  *objective += (double)b->matrix.cols * (s->l1_w * sums[0] + 0.5 * s->l2_w * sums[1]) +
                (double)b->matrix.rows * (s->l1_h * sums[2] + 0.5 * s->l2_h * sums[3]);
  return DNMF_OK;
}

static dnmf_status run_batch(dnmf_context *context, dnmf_online *online, const dnmf_data *data, const dnmf_data *w,
                             bool learns, double *w_out, dnmf_batch_result *result) {
  online_batch b = {.w = {.data = NULL}};
  dnmf_online_reached reached = {NAN, 0};
  double penalties = 0;
  dnmf_status status = load_batch(context, online, data, w, &b);
  if (status == DNMF_OK)
    status = dnmf_online_fit_rows(context, online, &b.matrix, w == NULL, &b.w);
  if (status == DNMF_OK && learns)
    status = add_penalties(context, online, &b, &online->h.mine, &penalties);
  if (status == DNMF_OK && learns)
    status = dnmf_online_learn(context, online, &b.matrix, &b.w, &reached);
  if (status == DNMF_OK)
    status = give_rows(context, b.rows, &b.w, given_rows(data), w_out, b.w.components, 1);
  if (status == DNMF_OK && result)
    *result = (dnmf_batch_result){reached.loss + penalties, reached.change};
  online_batch_free(&b);
  return status;
}

int dnmf_online_feed(dnmf_library *library, dnmf_online *online, const dnmf_data *batch, const dnmf_data *w,
                     double *w_out, dnmf_batch_result *result) {
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_agree(context, check_batch(context, "dnmf_online_feed", online, batch, w));
  if (status == DNMF_OK)
    status = run_batch(context, online, batch, w, true, w_out, result);
  return dnmf_library_leave(library, status);
}

int dnmf_online_rows(dnmf_library *library, dnmf_online *online, const dnmf_data *batch, double *w_out) {
  static const char function[] = "dnmf_online_rows";
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = check_batch(context, function, online, batch, NULL);
  if (status == DNMF_OK && dnmf_range_size(given_rows(batch)) > 0)
    status = dnmf_require(context, function, "place for the rows", w_out);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = run_batch(context, online, batch, NULL, false, w_out, NULL);
  return dnmf_library_leave(library, status);
}

/* --- What it has come to ----------------------------------------------------------------------------------- */

static dnmf_status check_columns(dnmf_context *context, const dnmf_online *online, const char *what, int64_t first,
                                 int64_t count, const double *out, int64_t leading, int *which) {
  static const char function[] = "dnmf_online_get";
  static const char *const choices[] = {"h", "numerators", "denominators", NULL};
  DNMF_TRY(dnmf_require(context, function, "online fit", online));
  DNMF_TRY(dnmf_require(context, function, "name", what));
  DNMF_TRY(dnmf_choose(&context->error, "what", what, choices, which));
  if (first < 0 || count < 0 || count > online->h.rows || first > online->h.rows - count)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "%s: %" PRId64 " from %" PRId64 " on are not among 0 to %" PRId64, function, count, first,
                     online->h.rows - 1);
  if (leading != 0 && leading < count)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: leading is %" PRId64 ", less than %" PRId64, function,
                     leading, count);
  return count > 0 ? dnmf_require(context, function, "place for the numbers", out) : DNMF_OK;
}

int dnmf_online_get(dnmf_library *library, const dnmf_online *online, const char *what, int64_t first, int64_t count,
                    double *out, int64_t leading) {
  dnmf_context *context = dnmf_library_enter(library);
  int which = 0;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_agree(context, check_columns(context, online, what, first, count, out, leading, &which));
  if (status == DNMF_OK) {
    const dnmf_panel *const panels[] = {&online->h.mine, &online->numerators, &online->divisors};
    status = give_rows(context, online->h.owned, panels[which], (dnmf_range){first, first + count}, out, 1,
                       leading == 0 ? count : leading);
  }
  return dnmf_library_leave(library, status);
}
