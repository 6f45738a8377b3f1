/*
 * dnmf split: entries to fit and entries to test with.
 */
#include "commands.h"
#include "files.h"
#include "load.h"
#include "version.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/split.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct split_options {
  cli_common common;
  cli_input input;
  const char *paths[DNMF_PARTS];
  double fraction; /* NaN: not given */
  int64_t leave_out;
  bool latest;
  bool globally;
  double held_out_rows;
  int64_t seed;
} split_options;

static const split_options defaults = {.fraction = NAN};
static const double DEFAULT_FRACTION = 0.2;

#define SPLIT(member) offsetof(split_options, member)
static const cli_option options_table[] = {
    {"train", 0, CLI_OUTPUT_FILE, SPLIT(paths[DNMF_PART_TRAIN]), "A",
     "file for the entries to fit: .csv or .h5 (required)", 0, 0, NULL},
    {"test", 0, CLI_OUTPUT_FILE, SPLIT(paths[DNMF_PART_TEST]), "B", "file for the entries held out (required)", 0, 0,
     NULL},
    {"fraction", 0, CLI_REAL, SPLIT(fraction), "F", "hold out this share of the entries (default 0.2)", 0, 1, NULL},
    {"leave-out", 0, CLI_INT, SPLIT(leave_out), "N", "instead: N entries of each row, which keeps at least one", 1,
     1e12, NULL},
    {"latest", 0, CLI_FLAG, SPLIT(latest), NULL,
     "hold out the latest entries, by --time-column; with --fraction of each row, which "
     "keeps at least one (default: at random)",
     0, 0, NULL},
    {"globally", 0, CLI_FLAG, SPLIT(globally), NULL, "with --latest --fraction: the latest of the whole table", 0, 0,
     NULL},
    {"held-out-rows", 0, CLI_REAL, SPLIT(held_out_rows), "S",
     "hold out this share of the rows: the entries chosen of them go to B, their others "
     "to --fold-in; A has no entry of them",
     0, 1, NULL},
    {"fold-in", 0, CLI_OUTPUT_FILE, SPLIT(paths[DNMF_PART_FOLD_IN]), "C",
     "file for the entries of held-out rows that are known; without it they go to B too", 0, 0, NULL},
    {"seed", 0, CLI_INT, SPLIT(seed), "N", "another seed, another split (default 0)", 0, 9.2e18, NULL},
};

/* What a run of the command holds. */
typedef struct splitting {
  const split_options *options;
  const char *name;
  dnmf_source source;
  dnmf_placed loaded;
  dnmf_entries entries;
  double *times; /* of the entries; NULL: none */
  uint8_t *parts;
  dnmf_output outputs[DNMF_PARTS];
  dnmf_split_counts counts;
} splitting;

static void splitting_free(splitting *s) {
  free(s->parts);
  free(s->times);
  dnmf_entries_free(&s->entries);
  dnmf_placed_free(&s->loaded);
  dnmf_source_close(&s->source);
}

static dnmf_status check_split_options(dnmf_error *error, const split_options *options) {
  if (!options->paths[DNMF_PART_TRAIN] || !options->paths[DNMF_PART_TEST])
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf split: name the files to write with --train A and --test B");
  for (int p = 0; p < DNMF_PARTS; p++) {
    if (options->paths[p])
      DNMF_TRY(cli_check_ending(error, options->paths[p]));
  }
  if (!isnan(options->fraction) && options->leave_out > 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "give --fraction or --leave-out, not both");
  if (options->fraction == 0 || options->fraction == 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--fraction %g: give a share between 0 and 1, e.g. 0.2",
                     options->fraction);
  if (options->latest && !options->input.source.time_column)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--latest needs --time-column: the column that tells when");
  if (options->globally && (!options->latest || options->leave_out > 0 || options->held_out_rows > 0))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--globally goes with --latest and --fraction: the latest entries of the whole table");
  if (options->paths[DNMF_PART_FOLD_IN] && !(options->held_out_rows > 0))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--fold-in is for --held-out-rows, which is not given");
  return DNMF_OK;
}

/* The times of the entries, read as the values of a second matrix from the same file. collective */
static dnmf_status read_times(cli_session *session, splitting *s) {
  dnmf_context *context = session->context;
  dnmf_source source = {0};
  dnmf_placed loaded = {0};
  dnmf_entries entries = {0};
  void *memory = NULL;
  dnmf_source_options how = cli_source_options(&s->options->input);
  how.missing_given = how.times_as_values = true;
  how.missing = DNMF_MISSING_UNOBSERVED;
  if (s->loaded.matrix.duplicates > 0 && s->source.duplicates != DNMF_DUPLICATES_LAST)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "%s: %" PRId64 " entries repeat another, and --duplicates merges them, which leaves them no time; "
                     "give --duplicates last",
                     s->name, s->loaded.matrix.duplicates);
  dnmf_status status = dnmf_source_open(context, s->name, &how, &source);
  if (status == DNMF_OK)
    status = dnmf_place(context, context->size, 1, source.rows, source.cols, &loaded);
  if (status == DNMF_OK) {
    source.rows_alone = true;
    status = dnmf_source_load(context, &source, &loaded.layout, DNMF_DOUBLE, &loaded.matrix);
  }
  if (status == DNMF_OK) {
    status = dnmf_matrix_to_entries(context, &loaded.matrix, &entries);
    if (status == DNMF_OK && entries.count != s->entries.count)
      status =
          dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s: column %s has %" PRId64 " numbers for %" PRId64 " entries",
                    s->name, s->options->input.source.time_column, entries.count, s->entries.count);
    if (status == DNMF_OK)
      status = dnmf_allocate(&context->error, "times of entries", entries.count, sizeof(double), &memory);
    s->times = memory;
    for (int64_t e = 0; e < entries.count && status == DNMF_OK; e++)
      s->times[e] = entries.items[e].value;
    status = dnmf_agree(context, status);
  }
  dnmf_entries_free(&entries);
  dnmf_placed_free(&loaded);
  dnmf_source_close(&source);
  return status;
}

static dnmf_status load_split_entries(cli_session *session, splitting *s) {
  dnmf_context *context = session->context;
  if (s->options->latest)
    DNMF_TRY(cli_refuse_pipe(session, s->name, "--latest reads the times in another pass"));
  DNMF_TRY(cli_load_rows(session, s->name, &s->options->input, DNMF_AS_UNOBSERVED, &s->source, &s->loaded));
  if (s->options->latest && strcmp(s->source.format, "rating triples") != 0 &&
      strcmp(s->source.format, "interactions") != 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--latest needs a file of a row, a column, a value and a time a line; %s is %s", s->name,
                     s->source.format);
  DNMF_TRY(dnmf_agree(context, dnmf_matrix_to_entries(context, &s->loaded.matrix, &s->entries)));
  if (s->options->latest)
    DNMF_TRY(read_times(session, s));
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "parts of entries", s->entries.count, 1, &memory);
  s->parts = memory;
  return dnmf_agree(context, status);
}

/* Writes the entries of one part. collective */
static dnmf_status write_part(cli_session *session, const splitting *s, dnmf_part part) {
  dnmf_context *context = session->context;
  const char *path = s->options->paths[part];
  dnmf_matrix matrix = {0};
  void *memory = NULL;
  int64_t count = 0;
  for (int64_t e = 0; e < s->entries.count; e++)
    count += s->parts[e] == part;
  dnmf_status status =
      dnmf_agree(context, dnmf_allocate(&context->error, "entries of a part", count, sizeof(dnmf_entry), &memory));
  dnmf_entries chosen = {0, memory};
  for (int64_t e = 0; e < s->entries.count && status == DNMF_OK; e++)
    if (s->parts[e] == part)
      chosen.items[chosen.count++] = s->entries.items[e];
  if (status == DNMF_OK)
    status = dnmf_matrix_from_entries(context, &s->loaded.layout, DNMF_DOUBLE, true, DNMF_DUPLICATES_ERROR, &chosen,
                                      &matrix);
  const char *partial = s->outputs[part].partial;
  if (status == DNMF_OK)
    status = cli_is_hdf5_name(path) ? dnmf_matrix_write(context, partial, &matrix, s->source.missing,
                                                        &s->source.row_ids, &s->source.col_ids)
                                    : dnmf_matrix_export(context, partial, DNMF_EXPORT_TRIPLES, &matrix,
                                                         &s->source.row_ids, &s->source.col_ids);
  if (status == DNMF_OK && cli_is_hdf5_name(path) && s->source.has_missing)
    status = dnmf_matrix_set_missing_cells(context, partial, &matrix);
  if (status == DNMF_OK && cli_is_hdf5_name(path) && s->source.index_base != DNMF_INDEX_AUTO)
    status = dnmf_matrix_set_base(context, partial, s->source.index_base == DNMF_INDEX_FROM_0 ? 0 : 1);
  dnmf_entries_free(&chosen);
  dnmf_matrix_free(&matrix);
  return status;
}

static dnmf_status write_parts(cli_session *session, splitting *s) {
  dnmf_status status = DNMF_OK;
  for (int p = 0; p < DNMF_PARTS && status == DNMF_OK; p++)
    if (s->options->paths[p])
      status = dnmf_output_begin(session->context, s->options->paths[p], &s->outputs[p]);
  for (int p = 0; p < DNMF_PARTS && status == DNMF_OK; p++)
    if (s->options->paths[p])
      status = write_part(session, s, (dnmf_part)p);
  dnmf_output *begun[DNMF_PARTS];
  int count = 0;
  for (int p = 0; p < DNMF_PARTS; p++)
    if (s->outputs[p].path)
      begun[count++] = &s->outputs[p];
  return dnmf_outputs_end(session->context, begun, count, status);
}

/* Where no file takes them, what could be folded in is tested. */
static void merge_fold_in(splitting *s) {
  if (s->options->paths[DNMF_PART_FOLD_IN])
    return;
  for (int64_t e = 0; e < s->entries.count; e++)
    if (s->parts[e] == DNMF_PART_FOLD_IN)
      s->parts[e] = DNMF_PART_TEST;
  s->counts.entries[DNMF_PART_TEST] += s->counts.entries[DNMF_PART_FOLD_IN];
  if (s->counts.rows[DNMF_PART_TEST] < s->counts.rows[DNMF_PART_FOLD_IN])
    s->counts.rows[DNMF_PART_TEST] = s->counts.rows[DNMF_PART_FOLD_IN];
  s->counts.entries[DNMF_PART_FOLD_IN] = s->counts.rows[DNMF_PART_FOLD_IN] = 0;
}

static void report_split(cli_session *session, const splitting *s) {
  static const char *const names[DNMF_PARTS] = {"train", "test", "fold_in"};
  json_t *object =
      cli_json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:i}", "command", "split", "version", DNMF_VERSION,
                    "input", s->name, "rows", (json_int_t)s->source.rows, "cols", (json_int_t)s->source.cols, "stored",
                    (json_int_t)s->loaded.matrix.stored, "seed", (json_int_t)s->options->seed, "latest",
                    s->options->latest, "processes", session->context->size);
  for (int p = 0; p < DNMF_PARTS; p++) {
    const char *path = s->options->paths[p];
    if (path)
      cli_say(session, "%s: %" PRId64 " entries of %" PRId64 " rows", path, s->counts.entries[p], s->counts.rows[p]);
    cli_json_set(&object, names[p],
                 path ? cli_json_pack("{s:s, s:I, s:I}", "path", path, "entries", (json_int_t)s->counts.entries[p],
                                      "rows", (json_int_t)s->counts.rows[p])
                      : json_null());
  }
  cli_json_set(&object, "seconds", cli_json_real(MPI_Wtime() - session->began));
  cli_print_json(session, object);
}

static dnmf_status run_split(cli_session *session, const void *given, char **arguments, int argument_count) {
  const split_options *options = given;
  splitting s = {.options = options, .name = arguments[0]};
  (void)argument_count;
  DNMF_TRY(check_split_options(&session->context->error, options));
  dnmf_split_options how = {.seed = (uint64_t)options->seed,
                            .fraction = isnan(options->fraction) ? DEFAULT_FRACTION : options->fraction,
                            .leave_out = options->leave_out,
                            .by_row = options->latest && !options->globally,
                            .held_out_rows = options->held_out_rows};
  dnmf_status status = load_split_entries(session, &s);
  if (status == DNMF_OK)
    status = dnmf_split(session->context, &how, &s.entries, s.times, s.parts, &s.counts);
  if (status == DNMF_OK) {
    merge_fold_in(&s);
    status = write_parts(session, &s);
  }
  if (status == DNMF_OK)
    report_split(session, &s);
  splitting_free(&s);
  return status;
}

static const cli_group groups[] = {
    {"what goes where:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(split_options, input)},
    CLI_SELECT_GROUP(split_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(split_options, common)},
};

const cli_command cli_split = {
    .name = "split",
    .summary = "hold entries out: a share, some of each row, the latest, or whole rows",
    .usage = "INPUT --train A --test B [OPTIONS]",
    .details =
        "INPUT's stored entries go to A, which is fitted, or to B, which the model is tested with. Which is decided\n"
        "by a hash of (seed, row, column): the same on any number of processes; how many is exact. Files whose names\n"
        "end in .csv have a line row,column,value for each entry; those that end in .h5 have the shape of INPUT, the\n"
        "ids of all rows and columns too. Times are not written.\n\n"
        "  dnmf split ratings.csv --train train.csv --test test.csv\n"
        "  dnmf split ratings.csv --leave-out 1 --latest --time-column timestamp --train train.csv --test test.csv\n"
        "  dnmf split ratings.h5 --held-out-rows 0.1 --train train.h5 --fold-in known.h5 --test test.h5\n\n"
        "After the last of these, rows that the fit has not seen are tested:\n"
        "  dnmf fit train.h5 -o model.h5\n"
        "  dnmf transform model.h5 known.h5 -o folded.h5\n"
        "  dnmf evaluate folded.h5 test.h5 --seen known.h5",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(split_options),
    .defaults = &defaults,
    .run = run_split,
};
