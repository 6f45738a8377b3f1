/*
 * What the biases of a factor's rows are pulled towards: a line in log(1 + entries / DNMF_BIAS_KNEE), which is where
 * their penalty is smallest. Rows that many have something of are not like those of a few: films seen by many are liked
 * better.
 */
#ifndef DNMF_BIAS_LINE_H
#define DNMF_BIAS_LINE_H

#include "matrix/panel.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

enum { DNMF_BIAS_LINE_SUMS = 5 };

/* The owned rows' part of the sums the line is made of; to be added up over all processes. Panel rows end in the stored
 * bias; `level` and `bias_power` as in solve/observed.h. local */
void dnmf_bias_line_sums(const dnmf_ratings_view *view, const dnmf_panel *x, double level, double bias_power,
                         double sums[DNMF_BIAS_LINE_SUMS]);

/* The line from the sums over all processes; level where all rows have as many entries. local */
dnmf_bias_line dnmf_bias_line_of(const double sums[DNMF_BIAS_LINE_SUMS]);

#endif
