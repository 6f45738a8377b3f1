"""The structs of include/dnmf.h; written by make_structs.py."""

from __future__ import annotations

import ctypes as c

Text = c.c_char_p
Int = c.c_int64
Real = c.c_double
Pointer = c.c_void_p  # of handles and of arrays

WARNING = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)
ITERATION = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
SHOULD_STOP = c.CFUNCTYPE(c.c_bool, c.c_void_p)


class Iteration(c.Structure):
    _fields_ = [
        ("iteration", Int),
        ("max_iterations", Int),
        ("batch", Int),
        ("batches", Int),
        ("objective", Real),
        ("relative_error", Real),
        ("violation", Real),
        ("validation_rmse", Real),
        ("seconds", Real),
        ("iteration_seconds", Real),
    ]


class Callbacks(c.Structure):
    _fields_ = [
        ("state", Pointer),
        ("warning", WARNING),
        ("iteration", ITERATION),
        ("should_stop", SHOULD_STOP),
    ]


class Dense(c.Structure):
    _fields_ = [
        ("first_row", Int),
        ("first_col", Int),
        ("rows", Int),
        ("cols", Int),
        ("values", Pointer),
        ("single_values", Pointer),
        ("leading", Int),
        ("by_columns", c.c_bool),
    ]


class Sparse(c.Structure):
    _fields_ = [
        ("first_row", Int),
        ("rows", Int),
        ("starts", Pointer),
        ("cols", Pointer),
        ("values", Pointer),
        ("duplicates", Text),
    ]


class Triples(c.Structure):
    _fields_ = [
        ("count", Int),
        ("rows", Pointer),
        ("cols", Pointer),
        ("row_ids", Pointer),
        ("col_ids", Pointer),
        ("numbers_are_ids", c.c_bool),
        ("all_rows", Int),
        ("all_cols", Int),
        ("values", Pointer),
        ("duplicates", Text),
    ]


class ReadSettings(c.Structure):
    _fields_ = [
        ("format", Text),
        ("header", Text),
        ("skip_lines", Int),
        ("delimiter", Text),
        ("row_column", Text),
        ("col_column", Text),
        ("value_column", Text),
        ("time_column", Text),
        ("quote", Text),
        ("escape", Text),
        ("decimal", Text),
        ("duplicates", Text),
        ("index_base", Text),
        ("transpose", c.c_bool),
        ("missing_value", Text),
        ("add", Real),
        ("rows", Text),
        ("cols", Text),
        ("row_ids", Text),
        ("col_ids", Text),
        ("min_row_count", Int),
        ("min_col_count", Int),
    ]


class Zeros(c.Structure):
    _fields_ = [
        ("fix", Text),
        ("grid", Text),
        ("exact_residual", c.c_bool),
        ("restarts", Int),
        ("groups", Int),
    ]


class Ratings(c.Structure):
    _fields_ = [
        ("bias", Text),
        ("shrink_to", Text),
        ("l2_bias", Real),
        ("validation", Text),
        ("held_out", Pointer),
        ("patience", Int),
        ("init_scale", Real),
        ("implicit_terms", Text),
        ("l2_terms", Real),
    ]


class Posterior(c.Structure):
    _fields_ = [
        ("samples", Int),
        ("chains", Int),
        ("burn_in", Int),
        ("thin", Int),
        ("keep", Text),
    ]


class Weak(c.Structure):
    _fields_ = [
        ("weight", Real),
        ("implicit", c.c_bool),
        ("confidence", Text),
        ("alpha", Real),
        ("epsilon", Real),
        ("like", Real),
    ]


class Batches(c.Structure):
    _fields_ = [
        ("memory", Int),
        ("batch_rows", Int),
        ("forget", Real),
    ]


class Files(c.Structure):
    _fields_ = [
        ("output", Text),
        ("checkpoint", Text),
        ("checkpoint_every", Text),
        ("update", Text),
        ("resume", Text),
    ]


class FitSettings(c.Structure):
    _fields_ = [
        ("components", Int),
        ("missing", Text),
        ("loss", Text),
        ("l1_w", Real),
        ("l1_h", Real),
        ("l2", Real),
        ("l2_w", Real),
        ("l2_h", Real),
        ("penalty_scale", Text),
        ("solver", Text),
        ("sweeps", Int),
        ("init", Text),
        ("start_w", Pointer),
        ("start_h", Pointer),
        ("seed", Int),
        ("max_iter", Int),
        ("tol", Real),
        ("stop", Text),
        ("time_limit", Real),
        ("precision", Text),
        ("zeros", Zeros),
        ("ratings", Ratings),
        ("posterior", Posterior),
        ("weak", Weak),
        ("batches", Batches),
        ("files", Files),
    ]


class SearchSettings(c.Structure):
    _fields_ = [
        ("count", Int),
        ("components", Pointer),
        ("restarts", Int),
        ("perturb", Text),
        ("cluster", Text),
        ("holdout", Real),
        ("folds", Int),
        ("criterion", Text),
        ("groups", Int),
        ("checkpoint", Text),
        ("resume", Text),
    ]


class SearchCandidate(c.Structure):
    _fields_ = [
        ("components", Int),
        ("restarts", Int),
        ("relative_error", Real),
        ("median_error", Real),
        ("objective", Real),
        ("heldout", Real),
        ("heldout_spread", Real),
        ("silhouette_min", Real),
        ("silhouette_mean", Real),
        ("cophenetic", Real),
        ("outliers", Real),
        ("seconds", Real),
    ]


class SearchSuggestion(c.Structure):
    _fields_ = [
        ("at", Int),
        ("by_heldout", Int),
        ("by_stability", Int),
        ("reason", c.c_char * 512),
    ]


class Result(c.Structure):
    _fields_ = [
        ("iterations", Int),
        ("converged", c.c_bool),
        ("stop_reason", Text),
        ("objective", Real),
        ("relative_error", Real),
        ("rmse", Real),
        ("validation_rmse", Real),
        ("validation_loss", Real),
        ("best_iteration", Int),
        ("read_seconds", Real),
        ("init_seconds", Real),
        ("iterate_seconds", Real),
    ]


class PredictSettings(c.Structure):
    _fields_ = [
        ("unknown", Text),
        ("clip", Text),
    ]


class RecommendSettings(c.Structure):
    _fields_ = [
        ("top", Int),
        ("seen", Pointer),
        ("include_empty", c.c_bool),
        ("clip", Text),
        ("candidate_count", Int),
        ("candidates", Pointer),
        ("optimism", Real),
        ("min_count", Int),
    ]


class EvaluateSettings(c.Structure):
    _fields_ = [
        ("unknown", Text),
        ("clip", Text),
        ("relevant", Real),
        ("at", Int),
        ("seen", Pointer),
    ]


class ListEvaluation(c.Structure):
    _fields_ = [
        ("precision", Real),
        ("recall", Real),
        ("hit_rate", Real),
        ("ndcg", Real),
        ("map", Real),
        ("mrr", Real),
        ("catalogue", Real),
    ]


class Evaluation(c.Structure):
    _fields_ = [
        ("entries", Int),
        ("scored", Int),
        ("unknown", Int),
        ("rmse", Real),
        ("mae", Real),
        ("covered_50", Real),
        ("covered_90", Real),
        ("precision", Real),
        ("recall", Real),
        ("hit_rate", Real),
        ("ndcg", Real),
        ("map", Real),
        ("fcp", Real),
        ("listed_rows", Int),
        ("lists", ListEvaluation),
        ("popular", ListEvaluation),
    ]


class OnlineSettings(c.Structure):
    _fields_ = [
        ("loss", Text),
        ("l1_w", Real),
        ("l1_h", Real),
        ("l2_w", Real),
        ("l2_h", Real),
        ("keep", Real),
        ("updates", Int),
        ("tol", Real),
        ("precision", Text),
    ]


class BatchResult(c.Structure):
    _fields_ = [
        ("objective", Real),
        ("change", Real),
    ]


STRUCTS = {
    "dnmf_iteration": Iteration,
    "dnmf_callbacks": Callbacks,
    "dnmf_dense": Dense,
    "dnmf_sparse": Sparse,
    "dnmf_triples": Triples,
    "dnmf_read_settings": ReadSettings,
    "dnmf_fit_settings": FitSettings,
    "dnmf_search_settings": SearchSettings,
    "dnmf_search_candidate": SearchCandidate,
    "dnmf_search_suggestion": SearchSuggestion,
    "dnmf_result": Result,
    "dnmf_predict_settings": PredictSettings,
    "dnmf_recommend_settings": RecommendSettings,
    "dnmf_evaluate_settings": EvaluateSettings,
    "dnmf_list_evaluation": ListEvaluation,
    "dnmf_evaluation": Evaluation,
    "dnmf_online_settings": OnlineSettings,
    "dnmf_batch_result": BatchResult,
}
