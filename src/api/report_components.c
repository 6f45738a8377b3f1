/* Components: their shares, their strongest columns, and both factors as heat maps. */
#include "api/labels.h"
#include "api/report_panels.h"
#include "base/memory.h"
#include "matrix/fetch.h"
#include "page/chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model of many draws has thousands of components. */
enum { MOST_COMPONENTS = 60 };

static int shown_components(int components) {
  return components < MOST_COMPONENTS ? components : MOST_COMPONENTS;
}

/* --- Shares and columns ------------------------------------------------------------------------------------ */

/* Process 0's: names of the described columns. */
typedef struct column_names {
  dnmf_ids ids;
  dnmf_ids labels; /* without texts: none */
} column_names;

/* A number of each component as bars, in the order of the shares. */
static void put_component_bars(dnmf_page *page, const dnmf_description *d, const double *numbers,
                               const dnmf_bar_chart *like) {
  enum { NUMBER = 12 };
  char texts[MOST_COMPONENTS][NUMBER];
  const char *labels[MOST_COMPONENTS];
  double values[MOST_COMPONENTS];
  dnmf_bar_chart chart = *like;
  chart.x_name = "component";
  chart.count = shown_components(d->components);
  chart.labels = labels;
  chart.values = values;
  for (int n = 0; n < chart.count; n++) {
    const double number = numbers[d->order[n]];
    snprintf(texts[n], NUMBER, "%d", d->order[n]);
    labels[n] = texts[n];
    values[n] = number > 0 ? number : 0;
  }
  dnmf_put_bar_chart(page, &chart);
}

static void put_shares(dnmf_page *page, const dnmf_model *model, const dnmf_description *d) {
  put_component_bars(page, d, d->share,
                     &(dnmf_bar_chart){.title = "Share of each component in the whole",
                                       .note = "Largest first, by number. Where entries that are not stored are zeros "
                                               "it is the component's share of the sum of WH, else its mean share of "
                                               "the columns, each counted by its entries.",
                                       .y_name = "% of the whole",
                                       .y_format = "%"});
  if (model->stability)
    put_component_bars(page, d, model->stability,
                       &(dnmf_bar_chart){.title = "Stability of each component",
                                         .note = "The mean silhouette of the component's cluster over all fits of the "
                                                 "search: 1 is the same in every fit; what is below 0 or not defined "
                                                 "is shown as 0.",
                                         .y_name = "silhouette"});
}

static void put_id(dnmf_page *page, const dnmf_ids *names, int64_t at) {
  dnmf_page_name(page, names->text + names->starts[at], names->starts[at + 1] - names->starts[at]);
}

/* A column of a component: name, bar and number of its weight, lift. */
static void put_column(dnmf_page *page, const dnmf_description *d, const column_names *names, int64_t at,
                       double strongest) {
  char text[DNMF_READABLE_TEXT];
  const dnmf_description_entry *entry = &d->entries[at];
  dnmf_page_format(page, "<tr data-column=\"%" PRId64 "\" data-weight=\"%.6g\" data-lift=\"%.6g\"><th scope=\"row\">",
                   entry->index, entry->weight, entry->lift);
  put_id(page, names->labels.starts ? &names->labels : &names->ids, at);
  dnmf_page_put(page, "</th><td class=\"b\">");
  dnmf_page_bar(page, strongest > 0 ? entry->weight / strongest : 0);
  dnmf_page_format(page, "</td><td class=\"n\">%s</td>", dnmf_readable_number(entry->weight, text));
  dnmf_page_format(page, "<td class=\"n\">%.2f</td></tr>\n", entry->lift);
}

/* "Stability 0.93, in 10 of 10 fits." */
static void stability_note(const dnmf_model *model, int c, char *text, size_t size) {
  double restarts = NAN;
  text[0] = 0;
  if (!model->stability || !model->stable_runs)
    return;
  int used = isfinite(model->stability[c]) ? snprintf(text, size, "Stability %.2f, in ", model->stability[c])
                                           : snprintf(text, size, "In ");
  used += snprintf(text + used, size - (size_t)used, "%.0f", model->stable_runs[c]);
  if (dnmf_model_number(model, "restarts", &restarts))
    used += snprintf(text + used, size - (size_t)used, " of %.0f", restarts);
  snprintf(text + used, size - (size_t)used, " fits.");
}

static void put_component(dnmf_page *page, const dnmf_model *model, const dnmf_description *d,
                          const column_names *names, int c) {
  char title[64];
  char stability[128];
  double strongest = 0;
  snprintf(title, sizeof title, "Component %d: %.1f%%", c, 100 * d->share[c]);
  stability_note(model, c, stability, sizeof stability);
  for (int64_t t = 0; t < d->counts[c]; t++)
    strongest = fmax(strongest, d->entries[c * d->top + t].weight);
  dnmf_page_figure(page, title, d->counts[c] == 0 ? "No column has a part in it." : stability[0] ? stability : NULL);
  dnmf_page_format(page,
                   "<table class=\"bars\" data-component=\"%d\" data-share=\"%.6g\"><thead><tr>"
                   "<th scope=\"col\">column</th><th scope=\"col\" class=\"b\"></th>"
                   "<th scope=\"col\" class=\"n\">weight</th><th scope=\"col\" class=\"n\">lift</th></tr></thead>\n"
                   "<tbody>\n",
                   c, d->share[c]);
  for (int64_t t = 0; t < d->counts[c]; t++)
    put_column(page, d, names, c * d->top + t, strongest);
  dnmf_page_put(page, "</tbody></table>\n");
  dnmf_page_figure_end(page);
}

static void put_components(dnmf_page *page, const dnmf_model *model, const dnmf_description *d,
                           const column_names *names) {
  dnmf_page_section(
      page, "Components",
      "Each with the columns that tell it apart, in the order of dnmf describe: by relevance, which weighs "
      "how much of the component a column is against how much of the column is the component's. The bar "
      "and weight are the column's number in H; a lift of 2 means that twice as much of the column as of "
      "columns on average is this component's.");
  if (model->samples > 0)
    dnmf_page_format(page, "<p class=\"note\">Of %d draws of %d components each, one draw after another.</p>\n",
                     model->samples, d->components / model->samples);
  if (d->components > MOST_COMPONENTS)
    dnmf_page_format(page, "<p class=\"note\">Only the %d largest of %d are shown.</p>\n", MOST_COMPONENTS,
                     d->components);
  dnmf_page_figures(page);
  put_shares(page, model, d);
  for (int n = 0; n < shown_components(d->components); n++)
    put_component(page, model, d, names, d->order[n]);
  dnmf_page_figures_end(page);
  dnmf_page_section_end(page);
}

dnmf_status dnmf_report_components(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                                   dnmf_page *page) {
  dnmf_description d = {0};
  column_names names = {0};
  dnmf_status status = dnmf_describe(context, model, false, DNMF_BY_RELEVANCE, DNMF_DESCRIBE_LAMBDA, job->top, &d);
  if (status == DNMF_OK)
    status = dnmf_description_name(context, &model->col_ids, &d, &names.ids);
  if (status == DNMF_OK && job->labels)
    status = dnmf_labels_name(context, job->labels, job->label_columns, "listed", &names.ids, &names.labels);
  if (status == DNMF_OK && context->rank == 0)
    put_components(page, model, &d, &names);
  if (status == DNMF_OK)
    status = dnmf_report_factors(context, model, d.order, page);
  dnmf_description_free(&d);
  dnmf_ids_free(&names.ids);
  dnmf_ids_free(&names.labels);
  return status;
}

/* --- Heat maps --------------------------------------------------------------------------------------------- */

enum { MOST_LINES = 200 /* rows of a factor that a heat map shows */ };

/* Evenly spaced rows of a factor, on process 0. */
typedef struct sampled_rows {
  int64_t count;
  int64_t numbers[MOST_LINES];
  dnmf_panel panel;
} sampled_rows;

static dnmf_status bounds_of_shares(dnmf_context *context, int64_t rows, int64_t **bounds) {
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "ranges of factor rows", context->size + 1, sizeof(int64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  *bounds = memory;
  for (int r = 0; r < context->size; r++)
    (*bounds)[r] = dnmf_range_split((dnmf_range){0, rows}, context->size, r).begin;
  (*bounds)[context->size] = rows;
  return DNMF_OK;
}

/* sampled->panel = rows of a factor that is held in even shares; other processes than 0 want none. collective */
static dnmf_status sample_rows(dnmf_context *context, int64_t rows, const dnmf_panel *mine, sampled_rows *sampled) {
  int64_t *bounds = NULL;
  dnmf_fetch fetch = {0};
  sampled->count = context->rank != 0 ? 0 : rows < MOST_LINES ? rows : MOST_LINES;
  for (int64_t i = 0; i < sampled->count; i++)
    sampled->numbers[i] = rows <= MOST_LINES ? i : (int64_t)(((double)i + 0.5) * (double)rows / MOST_LINES);
  dnmf_status status = dnmf_panel_create(&context->error, "sampled rows", sampled->count, mine->components,
                                         mine->precision, &sampled->panel);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(bounds_of_shares(context, rows, &bounds));
  status = dnmf_fetch_plan(context, bounds, sampled->numbers, sampled->count, &fetch);
  if (status == DNMF_OK)
    status = dnmf_fetch_rows(context, &fetch, mine, &sampled->panel);
  dnmf_fetch_free(&fetch);
  free(bounds);
  return status;
}

/* A row on its way to its place: by its strongest component (in the order shown), then by how strong it is there. */
typedef struct shown_row {
  int64_t at; /* among the sampled rows */
  int strongest;
  double part; /* of the component's largest number */
} shown_row;

static int shown_row_compare(const void *a, const void *b) {
  const shown_row *x = a;
  const shown_row *y = b;
  if (x->strongest != y->strongest)
    return x->strongest - y->strongest;
  if (x->part != y->part)
    return x->part > y->part ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

/* Returns how many rows have a number that is not 0; the others come last. */
static int64_t order_rows(const sampled_rows *sampled, const int *order, shown_row *shown) {
  const dnmf_panel *panel = &sampled->panel;
  int64_t count = sampled->count;
  for (int64_t i = 0; i < sampled->count; i++)
    shown[i] = (shown_row){i, panel->components, 0};
  for (int n = 0; n < shown_components(panel->components); n++) {
    double largest = 0;
    for (int64_t i = 0; i < sampled->count; i++)
      largest = fmax(largest, dnmf_panel_get(panel, i, order[n]));
    for (int64_t i = 0; i < sampled->count && largest > 0; i++) {
      const double part = dnmf_panel_get(panel, i, order[n]) / largest;
      if (part > shown[i].part)
        shown[i] = (shown_row){i, n, part};
    }
  }
  qsort(shown, (size_t)sampled->count, sizeof *shown, shown_row_compare);
  while (count > 0 && shown[count - 1].part == 0)
    count--;
  return count;
}

static dnmf_status draw_factor(dnmf_error *error, const sampled_rows *sampled, const int *order, const char *title,
                               const char *what, int64_t rows, dnmf_page *page) {
  shown_row shown[MOST_LINES];
  int64_t numbers[MOST_LINES];
  char note[400];
  char all[DNMF_READABLE_TEXT];
  char sampled_text[32];
  snprintf(sampled_text, sizeof sampled_text, "%d of ", (int)sampled->count);
  const int k = shown_components(sampled->panel.components);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "a heat map", sampled->count * k, sizeof(double), &memory));
  double *values = memory;
  const int64_t count = order_rows(sampled, order, shown);
  for (int64_t i = 0; i < count; i++) {
    numbers[i] = sampled->numbers[shown[i].at];
    for (int c = 0; c < k; c++)
      values[i * k + c] = dnmf_panel_get(&sampled->panel, shown[i].at, order[c]);
  }
  int length =
      snprintf(note, sizeof note, "%s%s %ss%s, ordered by their strongest component, then by how strong it is.",
               rows > sampled->count ? sampled_text : "All ", dnmf_readable_number((double)rows, all), what,
               rows > sampled->count ? ", evenly spaced" : "");
  if (count < sampled->count)
    snprintf(note + length, sizeof note - (size_t)length, " %d of them that have only zeros are left out.",
             (int)(sampled->count - count));
  char across[16];
  snprintf(across, sizeof across, "%ss", what);
  dnmf_put_heat_map(page, &(dnmf_heat_map){.title = title,
                                           .note = note,
                                           .x_name = "component",
                                           .y_name = across,
                                           .rows = count,
                                           .columns = k,
                                           .values = values,
                                           .numbers = numbers,
                                           .components = order});
  free(values);
  return DNMF_OK;
}

dnmf_status dnmf_report_factors(dnmf_context *context, const dnmf_model *model, const int *order, dnmf_page *page) {
  sampled_rows w = {0};
  sampled_rows h = {0};
  dnmf_status status = sample_rows(context, model->rows, &model->w, &w);
  if (status == DNMF_OK)
    status = sample_rows(context, model->cols, &model->h, &h);
  if (status == DNMF_OK && context->rank == 0) {
    dnmf_page_section(page, "Factors",
                      "Components across, the largest share first. The shade is the number as a share of the largest "
                      "of that component among the rows shown; nothing is drawn for 0.");
    dnmf_page_figures(page);
    status = draw_factor(&context->error, &w, order, "W: rows and components", "row", model->rows, page);
    if (status == DNMF_OK)
      status = draw_factor(&context->error, &h, order, "H: columns and components", "column", model->cols, page);
    dnmf_page_figures_end(page);
    dnmf_page_section_end(page);
  }
  dnmf_panel_free(&w.panel);
  dnmf_panel_free(&h.panel);
  return dnmf_agree(context, status);
}
