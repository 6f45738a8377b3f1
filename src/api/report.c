/* The page of a model, part by part. */
#include "api/report.h"

#include "api/report_panels.h"
#include "store/output.h"
#include "store/write/shared_text.h"

#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash && slash[1] ? slash + 1 : path;
}

/* "12 components of ratings.csv, 943 rows x 1682 columns" */
static void begin_page(const dnmf_model *model, const dnmf_report_job *job, dnmf_page *page) {
  char title[512];
  char subtitle[512];
  char rows[DNMF_READABLE_TEXT];
  char cols[DNMF_READABLE_TEXT];
  const dnmf_attribute *input = dnmf_model_attribute(model, "input");
  const bool has_input = input && input->kind == DNMF_ATTRIBUTE_TEXT;
  snprintf(title, sizeof title, "Components of %.400s", base_name(dnmf_model_name(model)));
  snprintf(subtitle, sizeof subtitle, "%d components%s%.300s, %s rows \xc3\x97 %s columns", model->components,
           has_input ? " of " : "", has_input ? input->text : "", dnmf_readable_number((double)model->rows, rows),
           dnmf_readable_number((double)model->cols, cols));
  dnmf_page_begin(page, job->title ? job->title : title, subtitle);
}

dnmf_status dnmf_report_model(dnmf_context *context, const dnmf_model *model, const dnmf_report_job *job,
                              dnmf_page *page) {
  const bool writes = context->rank == 0;
  if (writes) {
    begin_page(model, job, page);
    dnmf_report_facts(page, model);
    dnmf_report_course(page, model);
  }
  DNMF_TRY(dnmf_report_components(context, model, job, page));
  DNMF_TRY(dnmf_report_ratings(context, model, job, page));
  return dnmf_agree(context, writes ? dnmf_page_finish(&context->error, page) : DNMF_OK);
}

static void put_page(dnmf_context *context, const void *state, dnmf_sink *sink) {
  const dnmf_page *page = state;
  if (context->rank == 0)
    dnmf_sink_put(sink, page->text, (size_t)page->size);
}

dnmf_status dnmf_report_write(dnmf_context *context, const char *path, const dnmf_page *page) {
  dnmf_output output;
  DNMF_TRY(dnmf_output_begin(context, path, &output));
  return dnmf_output_end(context, &output, dnmf_shared_write(context, output.partial, put_page, page));
}
