/* Curves against the number of components, and the table of all candidates. */
#include "api/report_search.h"

#include "base/memory.h"
#include "page/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const dnmf_search_figure_keys[DNMF_SEARCH_FIGURES] = {
    [DNMF_SEARCH_K] = "k",
    [DNMF_SEARCH_L2] = "l2",
    [DNMF_SEARCH_WEIGHT] = "missing_weight",
    [DNMF_SEARCH_ALPHA] = "alpha",
    [DNMF_SEARCH_ERROR] = "relative_error",
    [DNMF_SEARCH_MEDIAN_ERROR] = "median_error",
    [DNMF_SEARCH_HELD_OUT] = "heldout",
    [DNMF_SEARCH_HELD_OUT_SPREAD] = "heldout_spread",
    [DNMF_SEARCH_SILHOUETTE_MIN] = "silhouette_min",
    [DNMF_SEARCH_SILHOUETTE_MEAN] = "silhouette_mean",
    [DNMF_SEARCH_COPHENETIC] = "cophenetic",
    [DNMF_SEARCH_OUTLIERS] = "outliers",
    [DNMF_SEARCH_METRIC_SPREAD] = "metric_spread",
    [DNMF_SEARCH_RMSE] = "rmse",
    [DNMF_SEARCH_SPREAD] = "spread",
    [DNMF_SEARCH_ITERATIONS] = "iterations",
    [DNMF_SEARCH_SECONDS] = "seconds",
};

static const char *figure_name(const dnmf_report_search *search, int figure) {
  static const char *const names[DNMF_SEARCH_FIGURES] = {"k",
                                                         "L2",
                                                         "weight of entries that are not stored",
                                                         "alpha",
                                                         "relative error, least",
                                                         "relative error, median",
                                                         "held-out error",
                                                         "\xc2\xb1 spread",
                                                         "silhouette, least",
                                                         "silhouette, mean",
                                                         "cophenetic correlation",
                                                         "share of outliers",
                                                         NULL,
                                                         "\xc2\xb1 spread",
                                                         "held-out RMSE",
                                                         "\xc2\xb1 spread",
                                                         "iterations",
                                                         "seconds"};
  if (figure == DNMF_SEARCH_METRIC)
    return search->metric ? search->metric : "metric";
  return names[figure];
}

/* The first of each k, by k. */
typedef struct best_of_k {
  int64_t count;
  double *of[DNMF_SEARCH_FIGURES]; /* count values each, in one block of memory */
} best_of_k;

static void insert_candidate(const dnmf_report_candidate *candidate, best_of_k *best) {
  int64_t at = 0;
  while (at < best->count && best->of[DNMF_SEARCH_K][at] < candidate->figures[DNMF_SEARCH_K])
    at++;
  if (at < best->count && best->of[DNMF_SEARCH_K][at] == candidate->figures[DNMF_SEARCH_K])
    return;
  for (int f = 0; f < DNMF_SEARCH_FIGURES; f++) {
    memmove(best->of[f] + at + 1, best->of[f] + at, (size_t)(best->count - at) * sizeof(double));
    best->of[f][at] = candidate->figures[f];
  }
  best->count++;
}

/* Released with free(best->of[0]). */
static dnmf_status find_best(dnmf_error *error, const dnmf_report_search *search, best_of_k *best) {
  void *memory = NULL;
  best->count = 0;
  DNMF_TRY(dnmf_allocate(error, "candidates", search->count * DNMF_SEARCH_FIGURES, sizeof(double), &memory));
  for (int f = 0; f < DNMF_SEARCH_FIGURES; f++)
    best->of[f] = (double *)memory + f * search->count;
  for (int64_t i = 0; i < search->count; i++)
    insert_candidate(&search->candidates[i], best);
  return DNMF_OK;
}

/* --- Curves ------------------------------------------------------------------------------------------------ */

/* A chart of some figures, each a curve; a spread that follows a figure is that figure's. */
typedef struct search_chart {
  const char *title;
  const char *note;
  const char *y_name;
  int figures[DNMF_MOST_SERIES]; /* ends with 0 */
  int spread;                    /* of the first; 0: none */
} search_chart;

static bool is_told(const best_of_k *best, int figure) {
  for (int64_t i = 0; i < best->count; i++)
    if (isfinite(best->of[figure][i]))
      return true;
  return false;
}

static void put_search_chart(dnmf_page *page, const dnmf_report_search *search, const best_of_k *best,
                             const search_chart *what) {
  char mark[64];
  char k[DNMF_READABLE_TEXT];
  dnmf_line_chart chart = {.title = what->title,
                           .note = what->note,
                           .x_name = "components, k",
                           .y_name = what->y_name,
                           .dots = true,
                           .whole_x = true};
  for (int n = 0; n < DNMF_MOST_SERIES && what->figures[n]; n++)
    if (is_told(best, what->figures[n]))
      chart.series[chart.series_count++] = (dnmf_series){
          figure_name(search, what->figures[n]), best->count, best->of[DNMF_SEARCH_K], best->of[what->figures[n]],
          n == 0 && what->spread && is_told(best, what->spread) ? best->of[what->spread] : NULL};
  if (isfinite(search->suggested)) {
    snprintf(mark, sizeof mark, "suggested: k = %s", dnmf_readable_number(search->suggested, k));
    chart.mark = mark;
    chart.mark_x = search->suggested;
  }
  dnmf_put_line_chart(page, &chart);
}

static void put_stability(dnmf_page *page, const dnmf_report_search *search) {
  enum { MOST = 200, NUMBER = 12 };
  char texts[MOST][NUMBER];
  const char *labels[MOST];
  double values[MOST];
  const int64_t count = search->stability_count < MOST ? search->stability_count : MOST;
  for (int64_t c = 0; c < count; c++) {
    snprintf(texts[c], NUMBER, "%d", (int)c);
    labels[c] = texts[c];
    values[c] = isfinite(search->stability[c]) ? fmax(0, search->stability[c]) : 0;
  }
  if (count > 0)
    dnmf_put_bar_chart(page, &(dnmf_bar_chart){.title = "Stability of each component",
                                               .note = "Of the suggested k: the mean silhouette of the component's "
                                                       "cluster over all runs; 1 is the same in every run, what is "
                                                       "below 0 or not defined is shown as 0.",
                                               .x_name = "component",
                                               .y_name = "silhouette",
                                               .count = count,
                                               .labels = labels,
                                               .values = values});
}

static void put_curves(dnmf_page *page, const dnmf_report_search *search, const best_of_k *best) {
  const char *metric = figure_name(search, DNMF_SEARCH_METRIC);
  const search_chart charts[] = {
      {"Held-out error",
       "Error on cells held out of the fit, mean over the folds; bars: \xc2\xb1 its spread.",
       "held-out error",
       {DNMF_SEARCH_HELD_OUT},
       DNMF_SEARCH_HELD_OUT_SPREAD},
      {"Stability",
       "How alike the components of repeated fits are: 1 is the same in every run.",
       "",
       {DNMF_SEARCH_SILHOUETTE_MIN, DNMF_SEARCH_SILHOUETTE_MEAN, DNMF_SEARCH_COPHENETIC},
       0},
      {"Relative error",
       "Of the fits to all entries: it falls with every component, also where they fit noise.",
       "relative error",
       {DNMF_SEARCH_ERROR, DNMF_SEARCH_MEDIAN_ERROR},
       0},
      {"Quality of lists",
       "Mean over the folds of what lists score on held-out entries; bars: \xc2\xb1 their spread.",
       metric,
       {DNMF_SEARCH_METRIC},
       DNMF_SEARCH_METRIC_SPREAD},
      {"Held-out RMSE",
       "Root mean squared error on held-out ratings, mean over the folds; bars: \xc2\xb1 its spread.",
       "RMSE",
       {DNMF_SEARCH_RMSE},
       DNMF_SEARCH_SPREAD},
      {"Seconds", "What the fits of a candidate took.", "seconds", {DNMF_SEARCH_SECONDS}, 0},
  };
  dnmf_page_section(page, "By number of components",
                    best->count < search->count ? "Of several candidates with one number of components, the best."
                                                : NULL);
  dnmf_page_figures(page);
  for (size_t i = 0; i < sizeof charts / sizeof *charts; i++)
    put_search_chart(page, search, best, &charts[i]);
  put_stability(page, search);
  dnmf_page_figures_end(page);
  dnmf_page_section_end(page);
}

/* --- The table --------------------------------------------------------------------------------------------- */

static bool has_figure(const dnmf_report_search *search, int figure) {
  for (int64_t i = 0; i < search->count; i++)
    if (isfinite(search->candidates[i].figures[figure]))
      return true;
  return false;
}

static void put_head(dnmf_page *page, const dnmf_report_search *search, bool texts) {
  dnmf_page_put(page, "<div class=\"wide\"><table class=\"numbers candidates\"><thead><tr>");
  for (int f = 0; f < DNMF_SEARCH_FIGURES; f++)
    if (has_figure(search, f)) {
      dnmf_page_put(page, "<th scope=\"col\">");
      dnmf_page_text(page, figure_name(search, f), -1);
      dnmf_page_put(page, "</th>");
    }
  dnmf_page_put(page, texts
                          ? "<th scope=\"col\">penalty scale</th><th scope=\"col\">biases</th></tr></thead>\n<tbody>\n"
                          : "</tr></thead>\n<tbody>\n");
}

static void put_text_cell(dnmf_page *page, const char *text) {
  dnmf_page_put(page, "<td>");
  if (text)
    dnmf_page_name(page, text, -1);
  dnmf_page_put(page, "</td>");
}

static void put_candidates(dnmf_page *page, const dnmf_report_search *search) {
  bool texts = false;
  for (int64_t i = 0; i < search->count; i++)
    texts = texts || search->candidates[i].penalty_scale || search->candidates[i].bias;
  dnmf_page_section(page, "Candidates", NULL);
  put_head(page, search, texts);
  bool marked = false;
  for (int64_t i = 0; i < search->count; i++) {
    const dnmf_report_candidate *c = &search->candidates[i];
    const bool chosen = !marked && c->figures[DNMF_SEARCH_K] == search->suggested;
    marked = marked || chosen;
    dnmf_page_put(page, chosen ? "<tr class=\"chosen\">" : "<tr>");
    for (int f = 0; f < DNMF_SEARCH_FIGURES; f++) {
      if (!has_figure(search, f))
        continue;
      if (isfinite(c->figures[f]))
        dnmf_page_format(page, "<td data-figure=\"%s\" data-value=\"%.17g\">",
                         f == DNMF_SEARCH_METRIC ? "metric" : dnmf_search_figure_keys[f], c->figures[f]);
      else
        dnmf_page_put(page, "<td>\xe2\x80\x93");
      if (isfinite(c->figures[f]))
        dnmf_page_number(page, c->figures[f]);
      dnmf_page_put(page, "</td>");
    }
    if (texts) {
      put_text_cell(page, c->penalty_scale);
      put_text_cell(page, c->bias);
    }
    dnmf_page_put(page, "</tr>\n");
  }
  dnmf_page_put(page, "</tbody></table></div>\n");
  if (marked)
    dnmf_page_put(page, "<p class=\"note\">Bold: the candidate suggested.</p>\n");
  dnmf_page_section_end(page);
}

/* --- The page ---------------------------------------------------------------------------------------------- */

static void put_search_facts(dnmf_page *page, const dnmf_report_search *search) {
  dnmf_page_section(page, "The search", NULL);
  dnmf_page_put(page, "<p data-suggested=\"");
  if (isfinite(search->suggested))
    dnmf_page_format(page, "%.9g\"><strong>Suggested: k = %.9g</strong>", search->suggested, search->suggested);
  else
    dnmf_page_put(page, "\">No number of components is suggested");
  if (search->reason) {
    dnmf_page_put(page, ": ");
    dnmf_page_text(page, search->reason, -1);
  }
  dnmf_page_put(page, ".</p>\n");
  dnmf_page_put(page, "<details><summary>Settings of the search</summary>\n");
  dnmf_page_facts(page, "What the search tells");
  for (int64_t i = 0; i < search->fact_count; i++) {
    const dnmf_report_fact *fact = &search->facts[i];
    if (fact->text)
      dnmf_page_fact_text(page, fact->key, fact->key, fact->text);
    else
      dnmf_page_fact_number(page, fact->key, fact->key, fact->number);
  }
  dnmf_page_facts_end(page);
  dnmf_page_put(page, "</details>\n");
  dnmf_page_section_end(page);
}

static const char *input_of(const dnmf_report_search *search) {
  for (int64_t i = 0; i < search->fact_count; i++)
    if (strcmp(search->facts[i].key, "input") == 0 && search->facts[i].text)
      return search->facts[i].text;
  return search->name;
}

dnmf_status dnmf_report_search_page(dnmf_error *error, const dnmf_report_search *search, const char *title,
                                    dnmf_page *page) {
  best_of_k best;
  char subtitle[600];
  DNMF_TRY(find_best(error, search, &best));
  snprintf(subtitle, sizeof subtitle, "%d candidates, %d numbers of components, of %.400s", (int)search->count,
           (int)best.count, input_of(search));
  dnmf_page_begin(page, title ? title : "The number of components", subtitle);
  put_search_facts(page, search);
  put_curves(page, search, &best);
  put_candidates(page, search);
  free(best.of[0]);
  return dnmf_page_finish(error, page);
}
