#include "fit/fit_state.h"

#include <string.h>

const dnmf_model_part dnmf_fit_parts[] = {{DNMF_PART_BEST_W, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_BEST_H, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_AHEAD, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_ROW_TERMS, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_OF_COLS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_COL_TERMS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_OF_ROWS, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_BEST_OF_COLS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_BEST_OF_ROWS, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_SUMS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_DIVISORS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_KEPT_W, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_KEPT_H, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_KEPT_OF_COLS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_KEPT_ROW_TERMS, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_KEPT_COL_TERMS, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_TRACE, DNMF_SIDE_NEITHER, NULL},
                                          {DNMF_PART_CHAINS_W, DNMF_SIDE_ROWS, NULL},
                                          {DNMF_PART_CHAINS_H, DNMF_SIDE_COLS, NULL},
                                          {DNMF_PART_GRAM, DNMF_SIDE_NEITHER, NULL},
                                          {NULL, DNMF_SIDE_NEITHER, NULL}};

const dnmf_panel *dnmf_fit_state_panel(const dnmf_fit_state *state, const char *name) {
  for (int i = 0; i < state->panel_count; i++)
    if (strcmp(state->panels[i].name, name) == 0)
      return state->panels[i].panel;
  return NULL;
}
