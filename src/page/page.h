/*
 * An HTML page under construction: text in memory, which is valid HTML and well-formed XML whatever is put in as text.
 *
 * A page stands alone: no scripts, fonts, pictures or style sheets from elsewhere; charts are inline SVG (chart.h). It
 * has a light and a dark scheme, chosen by the reader's browser, and prints in the light one.
 *
 * Failures (only memory can run out) are kept in the page and told once, by dnmf_page_finish: the functions between
 * return nothing, and do nothing more after a failure. All of them are local.
 */
#ifndef DNMF_PAGE_H
#define DNMF_PAGE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_page {
  char *text; /* owned; not terminated */
  int64_t size;
  int64_t capacity;
  dnmf_error error;
} dnmf_page;

/* Starts a page whose title and first heading is `title`; `subtitle` is the line below (NULL: none). Both are text.
 * Released with dnmf_page_free. */
void dnmf_page_begin(dnmf_page *page, const char *title, const char *subtitle);

/* Ends it; fails with the first failure that there was. */
dnmf_status dnmf_page_finish(dnmf_error *error, dnmf_page *page);
void dnmf_page_free(dnmf_page *page); /* accepts a zeroed one */

/* Markup as it is: constants of the program and numbers, never what comes from a file. */
void dnmf_page_put(dnmf_page *page, const char *markup);
void dnmf_page_format(dnmf_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes of any kind as text, in an element or an attribute: marked characters are escaped, bytes that are no UTF-8
 * become U+FFFD, control characters blanks. A negative length: up to the terminator. */
void dnmf_page_text(dnmf_page *page, const char *bytes, int64_t length);

/* A name in an element of its own, which its writing direction does not leave: a long one is shortened, its beginning
 * told in full as the element's title. */
void dnmf_page_name(dnmf_page *page, const char *bytes, int64_t length);

/* A number as people read it: 1,234, 0.0521, 3.2e-7; "not defined" where it is not finite. */
enum { DNMF_READABLE_TEXT = 40 };
const char *dnmf_readable_number(double value, char text[DNMF_READABLE_TEXT]);
void dnmf_page_number(dnmf_page *page, double value);

/* A part of the page with a heading; parts do not lie in each other. `note` is text below the heading, NULL: none. */
void dnmf_page_section(dnmf_page *page, const char *heading, const char *note);
void dnmf_page_section_end(dnmf_page *page);

/* Figures side by side, as many as there is room for. */
void dnmf_page_figures(dnmf_page *page);
void dnmf_page_figures_end(dnmf_page *page);

/* A figure with a title and a caption (NULL: none). */
void dnmf_page_figure(dnmf_page *page, const char *title, const char *note);
void dnmf_page_figure_end(dnmf_page *page);

/* A table of named things in two columns: rows of facts between its beginning and its end. `key` is what a program
 * finds the row by. */
void dnmf_page_facts(dnmf_page *page, const char *caption);
void dnmf_page_fact_text(dnmf_page *page, const char *key, const char *name, const char *value);
void dnmf_page_fact_number(dnmf_page *page, const char *key, const char *name, double value);
void dnmf_page_fact_figure(dnmf_page *page, const char *key, const char *name, double value); /* a sum over processes */
void dnmf_page_facts_end(dnmf_page *page);

/* A table of numbers, folded until the reader opens it: `values` is rows x columns, row after row; NaN is a dash. */
void dnmf_page_numbers(dnmf_page *page, int columns, const char *const *names, int64_t rows, const double *values);

/* A bar of `part`, 0 to 1, of the width there is, inside a table's cell. */
void dnmf_page_bar(dnmf_page *page, double part);

#endif
