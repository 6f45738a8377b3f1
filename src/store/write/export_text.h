/*
 * Text, a line after another: triples, a table, Matrix Market's coordinate format.
 */
#ifndef DNMF_STORE_EXPORT_TEXT_H
#define DNMF_STORE_EXPORT_TEXT_H

#include "store/write/export_view.h"

extern const dnmf_export_writer dnmf_export_triples;
extern const dnmf_export_writer dnmf_export_table;
extern const dnmf_export_writer dnmf_export_coordinate;

#endif
