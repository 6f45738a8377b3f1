"""The structs and functions of ``include/dnmf.h``, which this file has to agree with; a test compares them."""

from __future__ import annotations

import ctypes as c

VERSION = "0.1.0"
SONAME = "libdnmf.so.0.1"

Text = c.c_char_p
Int = c.c_int64
Real = c.c_double
Pointer = c.c_void_p  # arrays are handed over by their address, and handles

WARNING = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)
SHOULD_STOP = c.CFUNCTYPE(c.c_bool, c.c_void_p)


class Iteration(c.Structure):
    """dnmf_iteration"""

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


ITERATION = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Iteration))


class Callbacks(c.Structure):
    """dnmf_callbacks"""

    _fields_ = [
        ("state", c.c_void_p),
        ("warning", WARNING),
        ("iteration", ITERATION),
        ("should_stop", SHOULD_STOP),
    ]


class Dense(c.Structure):
    """dnmf_dense"""

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
    """dnmf_sparse"""

    _fields_ = [
        ("first_row", Int),
        ("rows", Int),
        ("starts", Pointer),
        ("cols", Pointer),
        ("values", Pointer),
        ("duplicates", Text),
    ]


class Triples(c.Structure):
    """dnmf_triples"""

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


class Zeros(c.Structure):
    """dnmf_fit_settings.zeros"""

    _fields_ = [("fix", Text), ("grid", Text), ("exact_residual", c.c_bool), ("restarts", Int),
                ("groups", Int)]


class Ratings(c.Structure):
    """dnmf_fit_settings.ratings"""

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
    """dnmf_fit_settings.posterior"""

    _fields_ = [("samples", Int), ("chains", Int), ("burn_in", Int), ("thin", Int), ("keep", Text)]


class Weak(c.Structure):
    """dnmf_fit_settings.weak"""

    _fields_ = [
        ("weight", Real),
        ("implicit", c.c_bool),
        ("confidence", Text),
        ("alpha", Real),
        ("epsilon", Real),
        ("like", Real),
    ]


class Batches(c.Structure):
    """dnmf_fit_settings.batches"""

    _fields_ = [("memory", Int), ("batch_rows", Int), ("forget", Real)]


class Files(c.Structure):
    """dnmf_fit_settings.files"""

    _fields_ = [("output", Text), ("checkpoint", Text), ("checkpoint_every", Text), ("resume", Text)]


class FitSettings(c.Structure):
    """dnmf_fit_settings"""

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


class Result(c.Structure):
    """dnmf_result"""

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
    """dnmf_predict_settings"""

    _fields_ = [("unknown", Text), ("clip", Text)]


class RecommendSettings(c.Structure):
    """dnmf_recommend_settings"""

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
    """dnmf_evaluate_settings"""

    _fields_ = [
        ("unknown", Text),
        ("clip", Text),
        ("relevant", Real),
        ("at", Int),
        ("seen", Pointer),
    ]


class ListEvaluation(c.Structure):
    """dnmf_list_evaluation"""

    _fields_ = [
        (name, Real)
        for name in ("precision", "recall", "hit_rate", "ndcg", "map", "mrr", "catalogue")
    ]


class Evaluation(c.Structure):
    """dnmf_evaluation"""

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


STRUCTS = {
    "dnmf_iteration": Iteration,
    "dnmf_callbacks": Callbacks,
    "dnmf_dense": Dense,
    "dnmf_sparse": Sparse,
    "dnmf_triples": Triples,
    "dnmf_fit_settings": FitSettings,
    "dnmf_result": Result,
    "dnmf_predict_settings": PredictSettings,
    "dnmf_recommend_settings": RecommendSettings,
    "dnmf_list_evaluation": ListEvaluation,
    "dnmf_evaluation": Evaluation,
    "dnmf_evaluate_settings": EvaluateSettings,
}

_P = c.POINTER
# Functions that take the library first and return a status, by their names without "dnmf_".
CALLS: dict[str, list] = {
    "library_set_threads": [c.c_int],
    "library_set_callbacks": [_P(Callbacks)],
    "data_from_dense": [Int, Int, _P(Dense), _P(Pointer)],
    "data_from_sparse": [Int, Int, _P(Sparse), _P(Pointer)],
    "data_from_triples": [_P(Triples), _P(Pointer)],
    "data_share": [Pointer, _P(Int), _P(Int)],
    "model_fit": [Pointer, _P(FitSettings), _P(Pointer), _P(Result)],
    "model_load": [Text, _P(Pointer)],
    "model_save": [Pointer, Text],
    "model_size": [Pointer, _P(Int), _P(Int), _P(Int)],
    "model_w": [Pointer, Int, Int, Pointer, Int],
    "model_h": [Pointer, Int, Int, Pointer, Int],
    "model_row_bias": [Pointer, Int, Int, Pointer],
    "model_col_bias": [Pointer, Int, Int, Pointer],
    "model_mean": [Pointer, _P(Real)],
    "model_get_number": [Pointer, Text, _P(Real)],
    "model_get_text": [Pointer, Text, _P(Text)],
    "model_history": [Pointer, Text, _P(Int), _P(_P(Real))],
    "model_row_ids": [Pointer, Int, Pointer, _P(_P(Text))],
    "model_col_ids": [Pointer, Int, Pointer, _P(_P(Text))],
    "model_predict_spread": [Pointer, _P(Triples), _P(PredictSettings), Pointer, Pointer],
    "model_recommend": [Pointer, Int, Pointer, _P(RecommendSettings), Pointer, Pointer],
    "model_similar": [Pointer, Int, Pointer, _P(RecommendSettings), Pointer, Pointer],
    "model_evaluate": [Pointer, Pointer, _P(EvaluateSettings), _P(Evaluation)],
    "model_transform": [Pointer, Pointer, _P(Pointer)],
}


def declare(library: c.CDLL) -> None:
    """Tells ctypes what the functions take and return."""
    for name, arguments in CALLS.items():
        function = getattr(library, "dnmf_" + name)
        function.argtypes = [Pointer, *arguments]
        function.restype = c.c_int
    library.dnmf_version.restype = Text
    library.dnmf_version.argtypes = []
    library.dnmf_library_error.restype = Text
    library.dnmf_library_error.argtypes = [Pointer]
    library.dnmf_library_threads.restype = c.c_int
    library.dnmf_library_threads.argtypes = [Pointer]
    for kind in ("library", "data", "model"):
        function = getattr(library, f"dnmf_{kind}_destroy")
        function.restype = None
        function.argtypes = [_P(Pointer)]
    library.dnmf_ids_destroy.restype = None
    library.dnmf_ids_destroy.argtypes = [_P(_P(Text))]
    for name, struct in STRUCTS.items():
        if hasattr(library, name + "_init"):
            function = getattr(library, name + "_init")
            function.restype = None
            function.argtypes = [_P(struct)]


def initialized(library: c.CDLL, name: str) -> c.Structure:
    """A struct with the library's defaults, ``name`` as in the header."""
    struct = STRUCTS[name]()
    getattr(library, name + "_init")(c.byref(struct))
    return struct
