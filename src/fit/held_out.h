/* The error of a fit on held-out entries. */
#ifndef DNMF_FIT_HELD_OUT_H
#define DNMF_FIT_HELD_OUT_H

#include "fit/observed_start.h"

typedef struct dnmf_held_out {
  const dnmf_settings *settings;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *view;
  const dnmf_panel *w;      /* owned rows */
  const dnmf_panel *needed; /* the columns' factors that the view points into */
  double *squares;          /* room for a number each owned row */
} dnmf_held_out;

/* Sum of squared errors over the owned rows, added row by row: the same for any number of threads. local */
double dnmf_held_out_squares(const dnmf_held_out *held_out, int threads);

/* The predictions of the entries one after another, not clipped. local */
void dnmf_held_out_scores(const dnmf_held_out *held_out, int threads, double *scores);

/* The sum of squared errors of given predictions; `w` and `needed` are not looked at. local */
double dnmf_held_out_squares_of(const dnmf_held_out *held_out, int threads, const double *scores);

#endif
