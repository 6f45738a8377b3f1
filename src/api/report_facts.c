/* What a model is, how its fit went, where the time went: all of it is in the model's provenance and history. */
#include "api/report_panels.h"
#include "page/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A named value of the provenance as a row of a table. */
typedef struct known_fact {
  const char *key;
  const char *name;
} known_fact;

static const known_fact data_facts[] = {
    {"input", "input"},
    {"rows", "rows"},
    {"cols", "columns"},
    {"stored", "stored entries"},
    {"missing", "entries that are not stored"},
    {"missing_cells", "cells without a value"},
    {"validation_cells", "cells held out"},
    {"mean", "mean"},
    {"smallest", "smallest value"},
    {"largest", "largest value"},
};

static const known_fact fit_facts[] = {
    {"components", "components"},
    {"loss", "loss"},
    {"solver", "solver"},
    {"init", "start"},
    {"seed", "seed"},
    {"bias", "biases"},
    {"shrink_to", "shrunk to"},
    {"implicit", "values are strengths"},
    {"missing_weight", "weight of entries that are not stored"},
    {"fix", "factor that stayed as it was"},
    {"max_iter", "most iterations"},
    {"tol", "tolerance"},
    {"stop", "stopping rule"},
    {"restarts", "restarts"},
    {"chain_sweeps", "sweeps of a chain"},
    {"chains", "chains"},
    {"precision", "precision"},
    {"processes", "processes"},
    {"threads", "threads a process"},
    {"version", "version of dnmf"},
    {"date", "date"},
    {"command_line", "command"},
};

static const known_fact end_facts[] = {
    {"iterations", "iterations"},
    {"objective", "objective"},
    {"relative_error", "relative error"},
    {"best_iteration", "iteration of the model kept"},
    {"validation_rmse", "RMSE of what was held out"},
    {"validation_loss", "mean loss of what was held out"},
    {"samples", "draws that the model holds"},
    {"noise_precision", "precision of the noise, 1 / variance"},
    {"noise_r_hat", "R-hat of the noise"},
    {"noise_effective_samples", "effective draws of the noise"},
    {"watched_r_hat", "R-hat of predictions"},
    {"watched_effective_samples", "effective draws of predictions"},
    {"suggestion", "why this number of components"},
};

static void put_attribute(dnmf_page *page, const dnmf_attribute *a, const char *name) {
  if (a->kind == DNMF_ATTRIBUTE_TEXT)
    dnmf_page_fact_text(page, a->name, name, a->text);
  else if (a->kind == DNMF_ATTRIBUTE_REAL)
    dnmf_page_fact_number(page, a->name, name, a->real);
  else
    dnmf_page_fact_number(page, a->name, name, (double)a->integer);
}

/* Whether a value says something: settings that are off do not, nor numbers that are not defined. */
static bool is_worth_telling(const dnmf_attribute *a) {
  if (a->kind == DNMF_ATTRIBUTE_REAL)
    return isfinite(a->real);
  if (a->kind == DNMF_ATTRIBUTE_TEXT)
    return strcmp(a->text, "none") != 0;
  return strcmp(a->name, "implicit") != 0 || a->integer != 0;
}

/* A card of facts; none where the model tells none of them. `more` is put first: a text, or NULL. */
static void put_card(dnmf_page *page, const dnmf_model *model, const char *caption, const char *more,
                     const known_fact *facts, size_t count) {
  bool any = more;
  for (size_t i = 0; i < count && !any; i++)
    any = dnmf_model_attribute(model, facts[i].key);
  if (!any)
    return;
  dnmf_page_put(page, "<figure>\n");
  dnmf_page_facts(page, caption);
  if (more)
    dnmf_page_fact_text(page, "stop_reason", "ended", more);
  for (size_t i = 0; i < count; i++) {
    const dnmf_attribute *a = dnmf_model_attribute(model, facts[i].key);
    if (a && is_worth_telling(a))
      put_attribute(page, a, facts[i].name);
  }
  dnmf_page_facts_end(page);
  dnmf_page_put(page, "</figure>\n");
}

/* How a fit ended, in words. */
static const char *ending_words(const char *reason) {
  static const char *const words[][2] = {
      {"gradient", "converged: the projected gradient fell below the tolerance"},
      {"objective", "converged: ten iterations made less progress than the tolerance"},
      {"validation", "converged: the entries held out were not predicted better any more"},
      {"max-iter", "not converged: the most iterations were done"},
      {"time-limit", "not converged: the time limit was reached"},
      {"signal", "not converged: a signal stopped it"},
      {"samples", "all sweeps of the chain were done"},
      {"unfinished", "not done: this is a checkpoint"},
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(reason, words[i][0]) == 0)
      return words[i][1];
  return reason;
}

void dnmf_report_facts(dnmf_page *page, const dnmf_model *model) {
  const dnmf_attribute *reason = dnmf_model_attribute(model, "stop_reason");
  const char *ending = reason && reason->kind == DNMF_ATTRIBUTE_TEXT ? ending_words(reason->text) : NULL;
  if (model->attribute_count == 0) {
    dnmf_page_section(page, "What it is", "The file says nothing about how it was made.");
    dnmf_page_section_end(page);
    return;
  }
  dnmf_page_section(page, "What it is", NULL);
  dnmf_page_figures(page);
  put_card(page, model, "Result", ending, end_facts, sizeof end_facts / sizeof *end_facts);
  put_card(page, model, "Data", NULL, data_facts, sizeof data_facts / sizeof *data_facts);
  put_card(page, model, "Fit", NULL, fit_facts, sizeof fit_facts / sizeof *fit_facts);
  dnmf_page_figures_end(page);
  dnmf_page_put(page, "<details><summary>Everything the file says</summary>\n");
  dnmf_page_facts(page, "Attributes of the model");
  for (int64_t i = 0; i < model->attribute_count; i++)
    put_attribute(page, &model->attributes[i], model->attributes[i].name);
  dnmf_page_facts_end(page);
  dnmf_page_put(page, "</details>\n");
  dnmf_page_section_end(page);
}

/* --- The course of the fit --------------------------------------------------------------------------------- */

static const dnmf_curve *find_curve(const dnmf_model *model, const char *name) {
  for (int64_t i = 0; i < model->curve_count; i++)
    if (strcmp(model->curves[i].name, name) == 0)
      return &model->curves[i];
  return NULL;
}

/* A curve against iterations, or against another curve. Values that fall to a fraction are seen on a logarithmic axis
 * only. */
static void put_curve(dnmf_page *page, const dnmf_line_chart *like, const dnmf_curve *curve,
                      const dnmf_curve *against) {
  dnmf_line_chart chart = *like;
  double low = INFINITY;
  double high = 0;
  if (!curve || (against && against->count != curve->count))
    return;
  for (int64_t i = 0; i < curve->count; i++)
    if (isfinite(curve->values[i])) {
      low = fmin(low, curve->values[i]);
      high = fmax(high, curve->values[i]);
    }
  chart.log_y = low > 0 && high > 4 * low;
  chart.series_count = 1;
  chart.series[0] = (dnmf_series){chart.y_name, curve->count, against ? against->values : NULL, curve->values, NULL};
  dnmf_put_line_chart(page, &chart);
}

/* A phase as a row with a bar. */
static void put_phase(dnmf_page *page, const dnmf_model *model, const char *key, const char *name, double whole) {
  double seconds = NAN;
  if (!dnmf_model_number(model, key, &seconds) || !isfinite(seconds) || seconds < 0)
    return;
  dnmf_page_format(page, "<tr data-fact=\"%s\" data-value=\"%.17g\"><th scope=\"row\">%s</th><td>", key, seconds, name);
  dnmf_page_bar(page, whole > 0 ? seconds / whole : 0);
  dnmf_page_put(page, "</td><td class=\"n\">");
  dnmf_page_number(page, seconds);
  dnmf_page_put(page, "</td></tr>\n");
}

static void put_phases(dnmf_page *page, const dnmf_model *model) {
  static const char *const phases[][2] = {
      {"read_seconds", "reading"}, {"init_seconds", "start"}, {"iterate_seconds", "iterating"}};
  static const char *const parts[][2] = {{"product_seconds", "products with the matrix"},
                                         {"gram_seconds", "Gram matrices"},
                                         {"update_seconds", "updates of rows"},
                                         {"exchange_seconds", "exchange"},
                                         {"file_seconds", "waiting for the file"}};
  double longest = 0;
  double seconds = 0;
  if (!dnmf_model_number(model, "iterate_seconds", &seconds))
    return;
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
    longest = dnmf_model_number(model, phases[i][0], &seconds) ? fmax(longest, seconds) : longest;
  dnmf_page_figure(
      page, "Seconds by phase",
      "Of the job that ended the fit, before it wrote the model: the slowest process's phases; below, what "
      "iterating was spent on, on average over the processes.");
  dnmf_page_put(page, "<table class=\"bars phases\"><thead><tr><th scope=\"col\">phase</th><th scope=\"col\"></th>"
                      "<th scope=\"col\" class=\"n\">seconds</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
    put_phase(page, model, phases[i][0], phases[i][1], longest);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    put_phase(page, model, parts[i][0], parts[i][1], longest);
  dnmf_page_put(page, "</tbody></table>\n");
  dnmf_page_figure_end(page);
}

void dnmf_report_course(dnmf_page *page, const dnmf_model *model) {
  const dnmf_curve *objective = find_curve(model, "objective");
  const dnmf_curve *error = find_curve(model, "relative_error");
  const dnmf_curve *seconds = find_curve(model, "seconds");
  double best = NAN;
  const bool has_best = dnmf_model_number(model, "best_iteration", &best) && find_curve(model, "validation_rmse");
  const char *mark = has_best ? "the model kept" : NULL;
  if (!objective)
    return;
  dnmf_page_section(page, "The course of the fit", NULL);
  dnmf_page_figures(page);
  const dnmf_line_chart charts[] = {
      {.title = "Objective by iteration",
       .note = "With penalties; iteration 0 is the start.",
       .x_name = "iteration",
       .y_name = "objective",
       .mark = mark,
       .mark_x = best},
      {.title = "Relative error by iteration",
       .note = "|A \xe2\x88\x92 WH| / |A| over the entries that count.",
       .x_name = "iteration",
       .y_name = "relative error",
       .mark = mark,
       .mark_x = best},
      {.title = "RMSE of held-out entries",
       .note = "Root mean squared error on what was held out of the fit.",
       .x_name = "iteration",
       .y_name = "RMSE",
       .mark = mark,
       .mark_x = best},
      {.title = "Relative error by time",
       .note = "Seconds of iterating, of all jobs of the fit together.",
       .x_name = "seconds",
       .x_from_zero = true,
       .y_name = "relative error"},
      {.title = "Objective by time",
       .note = "Seconds of iterating, of all jobs of the fit together.",
       .x_name = "seconds",
       .x_from_zero = true,
       .y_name = "objective"},
  };
  put_curve(page, &charts[0], objective, NULL);
  put_curve(page, &charts[1], error, NULL);
  put_curve(page, &charts[2], find_curve(model, "validation_rmse"), NULL);
  if (seconds)
    put_curve(page, error ? &charts[3] : &charts[4], error ? error : objective, seconds);
  put_phases(page, model);
  dnmf_page_figures_end(page);
  dnmf_page_section_end(page);
}
