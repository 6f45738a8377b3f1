/* Options that a fit was given and has no use for: an error, not silence. */
#include "fit_run.h"

/* An option, whether this fit uses it, and why not if it does not. */
typedef struct use {
  const char *option;
  bool used;
  const char *why_not;
} use;

static dnmf_status refuse(cli_session *session, const use *uses, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!uses[i].used && cli_is_given(session->given, uses[i].option))
      return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE, "--%s has no use here: %s", uses[i].option,
                       uses[i].why_not);
  return DNMF_OK;
}

static dnmf_status refuse_with_zeros(cli_session *session, const cli_fit_options *options) {
  static const char ratings[] =
      "it needs --missing unobserved, and this fit counts entries that are not stored as zeros";
  static const char sweeping[] = "only --solver hals sweeps";
  static const char exact[] = "--solver bpp is exact at once";
  bool in_batches = options->memory > 0 || options->batch_rows > 0;
  const use uses[] = {
      {"l2-bias", false, ratings},
      {"shrink-to", false, ratings},
      {"patience", false, ratings},
      {"sweeps", in_batches ? options->solver != DNMF_SOLVER_BPP : options->solver == DNMF_SOLVER_HALS,
       in_batches ? exact : sweeping},
      {"forget", in_batches, "it needs --memory or --batch-rows"},
      {"init-scale", false, ratings},
  };
  return refuse(session, uses, sizeof uses / sizeof *uses);
}

static dnmf_status refuse_with_ratings(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  bool held_out = options->validation != NULL;
  bool multiplicative = options->solver == DNMF_SOLVER_MU;
  bool biases = options->bias != CLI_BIAS_NONE && !multiplicative;
  bool random = fit->start == CLI_START_RANDOM;
  static const char zeros[] = "mini-batches are for --missing zero";
  const use uses[] = {
      {"exact-residual", false, "the residual of ratings is always summed entry by entry"},
      {"memory", false, zeros},
      {"batch-rows", false, zeros},
      {"forget", false, zeros},
      {"init-scale", random, "the fit does not start at random"},
      {"l2-bias", biases, "no biases are fitted"},
      {"patience", held_out, "it counts iterations without a better RMSE on --validation ratings"},
      {"sweeps", options->solver == DNMF_SOLVER_HALS, "only --solver hals sweeps"},
      {"tol", !held_out, "with --validation the RMSE of the held-out ratings decides, see --patience"},
      {"stop", !held_out || options->stop == CLI_STOP_AUTO || options->stop == CLI_STOP_VALIDATION,
       "with --validation the RMSE of the held-out ratings decides"},
  };
  return refuse(session, uses, sizeof uses / sizeof *uses);
}

dnmf_status cli_fit_refuse_unused(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  const use both = {"l2", options->l2_w < 0 || options->l2_h < 0, "--l2-w and --l2-h are both given"};
  DNMF_TRY(refuse(session, &both, 1));
  return fit->missing == DNMF_MISSING_UNOBSERVED ? refuse_with_ratings(session, options, fit)
                                                 : refuse_with_zeros(session, options);
}
