/*
 * A model as the commands that use one need it: read in its own precision, its scale, and ids given in words.
 */
#ifndef DNMF_CLI_MODEL_INPUT_H
#define DNMF_CLI_MODEL_INPUT_H

#include "session.h"

#include "base/range.h"
#include "factor/model.h"

/* --precision auto|double|single */
extern const char *const cli_precision_choices[];

/* Reads a model; `precision` is an index of the choices, auto being what the fit used. Released with
 * dnmf_model_free, also after a failure. collective */
dnmf_status cli_read_model(cli_session *session, const char *path, int precision, dnmf_model *model);

/* The same of a part of the model's rows and columns. collective */
dnmf_status cli_read_model_part(cli_session *session, const char *path, int precision, dnmf_range rows, dnmf_range cols,
                                dnmf_model *model);

/* An svmlight file for a model is read as the one it was fitted to: `input` takes the number of the first column,
 * unless it was given, and the number of columns. local */
void cli_read_as_fitted(const dnmf_model *model, cli_input *input);

/* The scale of the fitted values; false where the model has none (unstored entries were zeros). local */
bool cli_model_scale(const dnmf_model *model, double *smallest, double *largest);

/* The mean of the ratings as the model has it; else bias.mean, or 0 without biases. local */
double cli_model_mean(const dnmf_model *model);

/* The indices among `ids` of what an option names: ids parted by commas, or a file with one a line. An id that is not
 * there is an error. The same on every process; the caller frees *indices. collective */
dnmf_status cli_find_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids, int64_t rows,
                         int64_t **indices, int64_t *count);

/* The same where an id that is not there is no error: `indices` are those of the others, and `unknown`, on process 0,
 * the texts of these (elsewhere as it was). Released with dnmf_ids_free, also after a failure. collective */
dnmf_status cli_find_known_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids,
                               int64_t rows, int64_t **indices, int64_t *count, dnmf_ids *unknown);

#endif
