"""The functions of ``include/dnmf.h`` that are used, and their structs (_structs.py)."""

from __future__ import annotations

import ctypes as c
from typing import Any

from ._structs import (
    STRUCTS,
    BatchResult,
    Callbacks,
    Dense,
    EvaluateSettings,
    Evaluation,
    FitSettings,
    Int,
    OnlineSettings,
    Pointer,
    PredictSettings,
    Real,
    RecommendSettings,
    Result,
    SearchCandidate,
    SearchSettings,
    SearchSuggestion,
    Sparse,
    Text,
    Triples,
)

VERSION = "0.1.0"
SONAME = "libdnmf.so.0.1"

_P = c.POINTER
# Functions that take the library first and return a status, by their names without "dnmf_".
CALLS: dict[str, list] = {
    "library_set_threads": [c.c_int],
    "library_set_callbacks": [_P(Callbacks)],
    "data_from_dense": [Int, Int, _P(Dense), _P(Pointer)],
    "data_from_sparse": [Int, Int, _P(Sparse), _P(Pointer)],
    "data_from_triples": [_P(Triples), _P(Pointer)],
    "data_share": [Pointer, _P(Int), _P(Int)],
    "data_size": [Pointer, _P(Int), _P(Int)],
    "model_fit": [Pointer, _P(FitSettings), _P(Pointer), _P(Result)],
    "model_search": [
        Pointer,
        _P(FitSettings),
        _P(SearchSettings),
        _P(SearchCandidate),
        _P(SearchSuggestion),
        _P(Pointer),
    ],
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
    "online_create": [_P(OnlineSettings), Pointer, Pointer, Pointer, _P(Pointer)],
    "online_feed": [Pointer, Pointer, Pointer, Pointer, _P(BatchResult)],
    "online_rows": [Pointer, Pointer, Pointer],
    "online_get": [Pointer, Text, Int, Int, Pointer, Int],
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
    for kind in ("library", "data", "model", "online"):
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


def fields_of(struct: type[c.Structure]) -> dict[str, Any]:
    """Names and types."""
    return {field[0]: field[1] for field in struct._fields_}


def initialized(library: c.CDLL, name: str) -> c.Structure:
    """A struct with the library's defaults, ``name`` as in the header."""
    struct = STRUCTS[name]()
    getattr(library, name + "_init")(c.byref(struct))
    return struct
