/* What only models of ratings have: observations of rows and columns, biases, predictions beside ratings. */
#include "api/evaluate.h"
#include "api/report_panels.h"
#include "comm/collective.h"
#include "page/chart.h"
#include "page/ticks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* --- Observations ------------------------------------------------------------------------------------------ */

/* Numbers of entries in bins that grow: 0, 1, 2, 3-5, 6-10, 11-20, ... */
enum { COUNT_BINS = 60, COUNT_TEXT = 48 };

/* The last number of bin `bin`. */
static int64_t count_bin_end(int bin) {
  static const int64_t steps[] = {1, 2, 5};
  int64_t end = bin > 0 ? steps[(bin - 1) % 3] : 0;
  for (int i = 0; i < (bin - 1) / 3; i++)
    end = end < INT64_MAX / 10 ? 10 * end : INT64_MAX;
  return end;
}

static int count_bin(int64_t count) {
  int bin = 0;
  while (bin < COUNT_BINS - 1 && count > count_bin_end(bin))
    bin++;
  return bin;
}

static void put_count_chart(dnmf_page *page, const char *title, const char *what, const int64_t *lines) {
  char texts[COUNT_BINS][COUNT_TEXT];
  const char *labels[COUNT_BINS];
  double values[COUNT_BINS];
  char counted[64];
  int first = 0;
  int last = 0;
  for (int b = COUNT_BINS - 1; b >= 0; b--)
    first = lines[b] > 0 ? b : first;
  for (int b = 0; b < COUNT_BINS; b++)
    last = lines[b] > 0 ? b : last;
  for (int b = first; b <= last; b++) {
    char low[DNMF_READABLE_TEXT];
    char high[DNMF_READABLE_TEXT];
    const int64_t begin = b > 0 ? count_bin_end(b - 1) + 1 : 0;
    dnmf_readable_number((double)begin, low);
    dnmf_readable_number((double)count_bin_end(b), high);
    if (begin == count_bin_end(b))
      snprintf(texts[b - first], COUNT_TEXT, "%.20s", low);
    else
      snprintf(texts[b - first], COUNT_TEXT, "%.20s\xe2\x80\x93%.20s", low, high);
    labels[b - first] = texts[b - first];
    values[b - first] = (double)lines[b];
  }
  snprintf(counted, sizeof counted, "%ss", what);
  dnmf_put_bar_chart(page, &(dnmf_bar_chart){.title = title,
                                             .note = "How many have how many entries in the fit.",
                                             .x_name = "entries",
                                             .y_name = counted,
                                             .count = last - first + 1,
                                             .labels = labels,
                                             .values = values});
}

/* collective */
static dnmf_status report_counts(dnmf_context *context, const int64_t *counts, int64_t owned, const char *title,
                                 const char *what, dnmf_page *page) {
  int64_t lines[COUNT_BINS] = {0};
  if (!counts)
    return DNMF_OK;
  for (int64_t i = 0; i < owned; i++)
    lines[count_bin(counts[i])]++;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, lines, COUNT_BINS));
  if (context->rank == 0)
    put_count_chart(page, title, what, lines);
  return DNMF_OK;
}

/* --- Biases ------------------------------------------------------------------------------------------------ */

/* One side's biases as they are added: the file has them less the level times the sum of the row. */
typedef struct bias_side {
  const double *stored; /* NULL: none */
  const dnmf_panel *panel;
  bool (*is_known)(const dnmf_model *model, int64_t at);
  double level;
} bias_side;

static double bias_at(const bias_side *side, int64_t at) {
  double sum = 0;
  for (int c = 0; c < side->panel->components; c++)
    sum += dnmf_panel_get(side->panel, at, c);
  return side->stored[at] + side->level * sum;
}

/* collective */
static dnmf_status report_biases(dnmf_context *context, const dnmf_model *model, const bias_side *side,
                                 const char *title, const char *what, dnmf_page *page) {
  double ends[2] = {-INFINITY, -INFINITY}; /* -least, most */
  int64_t lines[DNMF_MOST_TICKS] = {0};
  double values[DNMF_MOST_TICKS];
  char counted[64];
  if (!side->stored)
    return DNMF_OK;
  for (int64_t i = 0; i < side->panel->rows; i++)
    if (side->is_known(model, i)) {
      const double bias = bias_at(side, i);
      ends[0] = fmax(ends[0], -bias);
      ends[1] = fmax(ends[1], bias);
    }
  DNMF_TRY(dnmf_max_doubles(context, context->comm, ends, 2));
  if (!isfinite(ends[0]) || !isfinite(ends[1]))
    return DNMF_OK;
  const dnmf_axis axis = dnmf_axis_of(-ends[0], ends[1], false, 16);
  const int bins = axis.count - 1;
  for (int64_t i = 0; i < side->panel->rows; i++)
    if (side->is_known(model, i)) {
      const int bin = (int)(dnmf_axis_place(&axis, bias_at(side, i)) * bins);
      lines[bin < 0 ? 0 : bin < bins ? bin : bins - 1]++;
    }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, lines, DNMF_MOST_TICKS));
  for (int b = 0; b < bins; b++)
    values[b] = (double)lines[b];
  snprintf(counted, sizeof counted, "%ss", what);
  if (context->rank == 0)
    dnmf_put_bar_chart(page,
                       &(dnmf_bar_chart){.title = title,
                                         .note = "What is added to a prediction, of those with entries in the fit; "
                                                 "where factors lie around a level, with the level's part.",
                                         .x_name = "bias",
                                         .y_name = counted,
                                         .count = bins,
                                         .edges = axis.ticks,
                                         .values = values});
  return DNMF_OK;
}

/* --- Calibration ------------------------------------------------------------------------------------------- */

static void put_calibration(dnmf_page *page, const dnmf_calibration *c) {
  enum { BINS = DNMF_CALIBRATION_BINS };
  double predicted[BINS];
  double observed[BINS];
  double edges[BINS + 1];
  double error_edges[BINS + 1];
  int64_t filled = 0;
  for (int b = 0; b < BINS; b++)
    if (c->counts[b] > 0) {
      predicted[filled] = c->predicted[b] / c->counts[b];
      observed[filled++] = c->observed[b] / c->counts[b];
    }
  for (int b = 0; b <= BINS; b++) {
    edges[b] = dnmf_calibration_edge(c, b);
    error_edges[b] = dnmf_calibration_error_edge(c, b);
  }
  dnmf_put_line_chart(page, &(dnmf_line_chart){.title = "Calibration",
                                               .note = "Entries in bins by their prediction: the mean value observed "
                                                       "against the mean prediction.",
                                               .x_name = "predicted",
                                               .y_name = "observed",
                                               .dots = true,
                                               .same = true,
                                               .series_count = 1,
                                               .series = {{"observed", filled, predicted, observed, NULL}}});
  dnmf_put_bar_chart(page, &(dnmf_bar_chart){.title = "Predictions",
                                             .note = "How many entries are predicted to be how large.",
                                             .x_name = "predicted",
                                             .y_name = "entries",
                                             .count = BINS,
                                             .edges = edges,
                                             .values = c->counts});
  dnmf_put_bar_chart(page, &(dnmf_bar_chart){.title = "Errors",
                                             .note = "The value observed less the prediction.",
                                             .x_name = "error",
                                             .y_name = "entries",
                                             .count = BINS,
                                             .edges = error_edges,
                                             .values = c->errors});
}

/* Of a posterior: how wide its predictions are spread, and whether intervals hold as many values as they should. */
static void put_intervals(dnmf_page *page, const dnmf_calibration *c) {
  enum { LEVELS = DNMF_CALIBRATION_LEVELS, BINS = DNMF_CALIBRATION_BINS };
  double level[LEVELS + 1];
  double covered[LEVELS + 1];
  double edges[BINS + 1];
  double total = 0;
  for (int l = 0; l < LEVELS; l++)
    total += c->levels[l];
  if (total == 0)
    return;
  level[0] = covered[0] = 0;
  for (int l = 0; l < LEVELS; l++) {
    level[l + 1] = 100.0 * (l + 1) / LEVELS;
    covered[l + 1] = covered[l] + 100 * c->levels[l] / total;
  }
  for (int b = 0; b <= BINS; b++)
    edges[b] = dnmf_calibration_deviation_edge(c, b);
  dnmf_put_line_chart(page, &(dnmf_line_chart){.title = "Intervals",
                                               .note = "How many of the entries lie in the central interval of their "
                                                       "prediction, by its level: normal, with the variance of the "
                                                       "draws and that of the noise.",
                                               .x_name = "level of the interval, %",
                                               .y_name = "entries in it, %",
                                               .dots = true,
                                               .same = true,
                                               .series_count = 1,
                                               .series = {{"covered", LEVELS + 1, level, covered, NULL}}});
  dnmf_put_bar_chart(page, &(dnmf_bar_chart){.title = "Deviations of predictions",
                                             .note = "The standard deviation of each prediction over the model's "
                                                     "draws, without the noise; the last bar holds all that are "
                                                     "larger, too.",
                                             .x_name = "deviation",
                                             .y_name = "entries",
                                             .count = BINS,
                                             .edges = edges,
                                             .values = c->deviations});
}

static void put_errors(dnmf_page *page, const dnmf_evaluated *e) {
  dnmf_page_put(page, "<figure>\n");
  dnmf_page_facts(page, "Errors on these entries");
  dnmf_page_fact_number(page, "test_entries", "entries", (double)e->entries);
  dnmf_page_fact_number(page, "test_unknown", "with a row or column that the model does not know", (double)e->unknown);
  dnmf_page_fact_figure(page, "test_rmse", "RMSE", e->rmse);
  dnmf_page_fact_figure(page, "test_mae", "MAE", e->mae);
  if (e->interval_entries > 0) {
    dnmf_page_fact_figure(page, "test_covered_50", "in their 50 % interval", e->covered[0]);
    dnmf_page_fact_figure(page, "test_covered_90", "in their 90 % interval", e->covered[1]);
    dnmf_page_fact_figure(page, "test_deviation", "mean deviation of a prediction", e->deviation);
  }
  dnmf_page_facts_end(page);
  dnmf_page_put(page, "</figure>\n");
}

/* The scale of a model of ratings; others have no predictions to compare. local */
static dnmf_status find_scale(dnmf_error *error, const dnmf_model *model, double *low, double *high) {
  const bool ratings = dnmf_model_is_observed(model) && !dnmf_model_is_weak(model);
  if (ratings && dnmf_model_scale(model, low, high)) {
    if (*low == *high) /* all ratings alike */
      *high += 1;
    return DNMF_OK;
  }
  double missing_cells = 0;
  const bool partial = dnmf_model_number(model, "missing_cells", &missing_cells);
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--test compares predictions with ratings, and %s does not predict ratings: it was fitted %s",
                   dnmf_model_name(model),
                   dnmf_model_is_weak(model) ? "with weak zeros"
                   : partial                 ? "to a matrix with cells without a value; dnmf evaluate tells its errors"
                   : ratings                 ? "by another program, which does not tell their scale"
                                             : "to a matrix with zeros");
}

/* collective */
static dnmf_status report_test(dnmf_context *context, const dnmf_model *model, const dnmf_data *test, dnmf_page *page) {
  double low = 0;
  double high = 1;
  char note[500];
  dnmf_calibration calibration;
  dnmf_evaluated evaluated;
  DNMF_TRY(find_scale(&context->error, model, &low, &high));
  dnmf_calibration_begin(low, high, &calibration);
  const dnmf_evaluate_job job = {
      .unknown = "average", .clip = "auto", .ranking = {.relevant = NAN}, .calibration = &calibration};
  DNMF_TRY(dnmf_evaluate_data(context, model, test, &job, &evaluated));
  if (context->rank != 0)
    return DNMF_OK;
  snprintf(note, sizeof note, "Beside the entries of %.400s.", test->name);
  dnmf_page_section(page, "Predictions", note);
  dnmf_page_figures(page);
  put_errors(page, &evaluated);
  put_calibration(page, &calibration);
  put_intervals(page, &calibration);
  dnmf_page_figures_end(page);
  dnmf_page_section_end(page);
  return DNMF_OK;
}

dnmf_status dnmf_report_ratings(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                                dnmf_page *page) {
  double level = 0;
  dnmf_model_number(model, "level", &level);
  const bool writes = context->rank == 0;
  if (job->test)
    DNMF_TRY(report_test(context, model, job->test, page));
  if (!model->row_counts && !model->bias.fitted)
    return DNMF_OK;
  if (writes) {
    dnmf_page_section(page, "Ratings", NULL);
    dnmf_page_figures(page);
  }
  const bias_side rows = {model->bias.fitted ? model->bias.row : NULL, &model->w, dnmf_model_row_is_known, level};
  const double level_of_h = model->samples > 0 ? level / model->samples : level; /* W is over the draws, H is not */
  const bias_side cols = {model->bias.fitted ? model->bias.col : NULL, &model->h, dnmf_model_col_is_known, level_of_h};
  DNMF_TRY(report_counts(context, model->row_counts, model->w.rows, "Entries of rows", "row", page));
  DNMF_TRY(report_counts(context, model->col_counts, model->h.rows, "Entries of columns", "column", page));
  DNMF_TRY(report_biases(context, model, &rows, "Biases of rows", "row", page));
  DNMF_TRY(report_biases(context, model, &cols, "Biases of columns", "column", page));
  if (writes) {
    dnmf_page_figures_end(page);
    dnmf_page_section_end(page);
  }
  return DNMF_OK;
}
