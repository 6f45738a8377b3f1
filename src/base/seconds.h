/*
 * Times as people write them: 90, 90s, 10min, 2h, 00:10:00.
 */
#ifndef DNMF_SECONDS_H
#define DNMF_SECONDS_H

#include <stdbool.h>

/* Reads a time given as 90s, 10min, 2h, 00:10:00, or as seconds without a unit, which *has_unit tells. False when it is
 * none. local */
bool dnmf_parse_seconds(const char *text, double *seconds, bool *has_unit);

#endif
