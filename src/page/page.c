#include "page/page.h"

#include "base/memory.h"
#include "page/style.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Bytes ------------------------------------------------------------------------------------------------- */

static void page_append(dnmf_page *page, const char *bytes, int64_t count) {
  void *memory = page->text;
  if (page->error.status != DNMF_OK ||
      dnmf_grow(&page->error, "the page", page->size + count, 1, &page->capacity, &memory) != DNMF_OK)
    return;
  page->text = memory;
  memcpy(page->text + page->size, bytes, (size_t)count);
  page->size += count;
}

void dnmf_page_put(dnmf_page *page, const char *markup) {
  page_append(page, markup, (int64_t)strlen(markup));
}

void dnmf_page_format(dnmf_page *page, const char *format, ...) {
  enum { MOST = 1000 };
  char text[MOST];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0 || length >= MOST)
    dnmf_fail(&page->error, DNMF_ERROR_LIBRARY, "a piece of the page does not fit into its place");
  else
    page_append(page, text, length);
}

/* The length of the UTF-8 character at `bytes`, 1 to 4, of which *point is the code; 0 where there is none. */
static int utf8_decode(const unsigned char *bytes, int64_t length, uint32_t *point) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char first = bytes[0];
  const int size = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
  if (size == 0 || size > length)
    return 0;
  *point = size == 1 ? first : first & (0xffu >> (size + 1));
  for (int i = 1; i < size; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 0;
    *point = *point << 6 | (bytes[i] & 0x3fu);
  }
  const bool surrogate = *point >= 0xd800 && *point < 0xe000;
  return *point < least[size] || *point > 0x10ffff || surrogate ? 0 : size;
}

/* Characters that neither HTML nor XML allows, or that show nothing. */
static bool is_control(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point & 0xfffe) == 0xfffe ||
         (point >= 0xfdd0 && point < 0xfdf0);
}

static void put_character(dnmf_page *page, const char *bytes, int size, uint32_t point) {
  if (is_control(point))
    dnmf_page_put(page, " ");
  else if (point == '&')
    dnmf_page_put(page, "&amp;");
  else if (point == '<')
    dnmf_page_put(page, "&lt;");
  else if (point == '>')
    dnmf_page_put(page, "&gt;");
  else if (point == '"')
    dnmf_page_put(page, "&quot;");
  else if (point == '\'')
    dnmf_page_put(page, "&#39;");
  else
    page_append(page, bytes, size);
}

/* At most `most` characters; returns the bytes that they took. */
static int64_t put_characters(dnmf_page *page, const char *bytes, int64_t length, int64_t most) {
  int64_t at = 0;
  for (int64_t count = 0; at < length && count < most; count++) {
    uint32_t point = 0;
    int size = utf8_decode((const unsigned char *)bytes + at, length - at, &point);
    if (size == 0)
      dnmf_page_put(page, "\xef\xbf\xbd");
    else
      put_character(page, bytes + at, size, point);
    at += size > 0 ? size : 1;
  }
  return at;
}

void dnmf_page_text(dnmf_page *page, const char *bytes, int64_t length) {
  put_characters(page, bytes, length < 0 ? (int64_t)strlen(bytes) : length, INT64_MAX);
}

void dnmf_page_name(dnmf_page *page, const char *bytes, int64_t length) {
  enum { SHORT = 60, LONG = 400 };
  if (length < 0)
    length = (int64_t)strlen(bytes);
  const int64_t before = page->size;
  dnmf_page_put(page, "<bdi>");
  const int64_t taken = put_characters(page, bytes, length, SHORT);
  if (taken < length && page->error.status == DNMF_OK) {
    page->size = before;
    dnmf_page_put(page, "<bdi title=\"");
    if (put_characters(page, bytes, length, LONG) < length)
      dnmf_page_put(page, "\xe2\x80\xa6");
    dnmf_page_put(page, "\">");
    put_characters(page, bytes, length, SHORT - 1);
    dnmf_page_put(page, "\xe2\x80\xa6");
  }
  dnmf_page_put(page, "</bdi>");
}

/* --- Numbers ----------------------------------------------------------------------------------------------- */

/* "12345" -> "12,345", in place; digits only, and a sign. */
static void group_digits(char *text) {
  const int sign = text[0] == '-';
  int length = (int)strlen(text);
  for (int at = length - 3; at > sign; at -= 3) {
    memmove(text + at + 1, text + at, strlen(text + at) + 1);
    text[at] = ',';
  }
}

/* "1.2e-07" -> "1.2e-7", in place. */
static void shorten_exponent(char *text) {
  char *exponent = strchr(text, 'e');
  if (!exponent)
    return;
  char *to = exponent + 1;
  const char *from = to;
  if (*from == '-')
    *to++ = '-';
  from++;
  while (*from == '0' && from[1])
    from++;
  memmove(to, from, strlen(from) + 1);
}

const char *dnmf_readable_number(double value, char text[DNMF_READABLE_TEXT]) {
  const double size = fabs(value);
  if (!isfinite(value)) {
    snprintf(text, DNMF_READABLE_TEXT, "not defined");
  } else if (size < 1e15 && value == floor(value)) {
    snprintf(text, DNMF_READABLE_TEXT, "%.0f", value == 0 ? 0 : value);
    group_digits(text);
  } else if (size >= 1e4 && size < 1e9) {
    snprintf(text, DNMF_READABLE_TEXT, "%.0f", value);
    group_digits(text);
  } else {
    snprintf(text, DNMF_READABLE_TEXT, "%.4g", value);
    shorten_exponent(text);
  }
  return text;
}

void dnmf_page_number(dnmf_page *page, double value) {
  char text[DNMF_READABLE_TEXT];
  dnmf_page_put(page, dnmf_readable_number(value, text));
}

/* --- The page ---------------------------------------------------------------------------------------------- */

void dnmf_page_begin(dnmf_page *page, const char *title, const char *subtitle) {
  memset(page, 0, sizeof *page);
  dnmf_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
  dnmf_page_text(page, title, -1);
  dnmf_page_put(page, "</title>\n<style>\n");
  dnmf_page_put(page, dnmf_page_style());
  dnmf_page_put(page, "</style>\n</head>\n<body>\n<header>\n<h1>");
  dnmf_page_text(page, title, -1);
  dnmf_page_put(page, "</h1>\n");
  if (subtitle) {
    dnmf_page_put(page, "<p class=\"subtitle\">");
    dnmf_page_text(page, subtitle, -1);
    dnmf_page_put(page, "</p>\n");
  }
  dnmf_page_put(page, "</header>\n<main>\n");
}

dnmf_status dnmf_page_finish(dnmf_error *error, dnmf_page *page) {
  dnmf_page_put(page, "</main>\n</body>\n</html>\n");
  if (page->error.status != DNMF_OK)
    return dnmf_fail(error, page->error.status, "%s", page->error.text);
  return DNMF_OK;
}

void dnmf_page_free(dnmf_page *page) {
  free(page->text);
  memset(page, 0, sizeof *page);
}

static void put_note(dnmf_page *page, const char *note) {
  if (!note)
    return;
  dnmf_page_put(page, "<p class=\"note\">");
  dnmf_page_text(page, note, -1);
  dnmf_page_put(page, "</p>\n");
}

void dnmf_page_section(dnmf_page *page, const char *heading, const char *note) {
  dnmf_page_put(page, "<section>\n<h2>");
  dnmf_page_text(page, heading, -1);
  dnmf_page_put(page, "</h2>\n");
  put_note(page, note);
}

void dnmf_page_section_end(dnmf_page *page) {
  dnmf_page_put(page, "</section>\n");
}

void dnmf_page_figures(dnmf_page *page) {
  dnmf_page_put(page, "<div class=\"figures\">\n");
}

void dnmf_page_figures_end(dnmf_page *page) {
  dnmf_page_put(page, "</div>\n");
}

void dnmf_page_figure(dnmf_page *page, const char *title, const char *note) {
  dnmf_page_put(page, "<figure>\n<figcaption><h3>");
  dnmf_page_text(page, title, -1);
  dnmf_page_put(page, "</h3>\n");
  put_note(page, note);
  dnmf_page_put(page, "</figcaption>\n");
}

void dnmf_page_figure_end(dnmf_page *page) {
  dnmf_page_put(page, "</figure>\n");
}

/* --- Tables ------------------------------------------------------------------------------------------------ */

void dnmf_page_facts(dnmf_page *page, const char *caption) {
  dnmf_page_put(page, "<table class=\"facts\">\n<caption>");
  dnmf_page_text(page, caption, -1);
  dnmf_page_put(page, "</caption>\n<tbody>\n");
}

static void fact_begin(dnmf_page *page, const char *key, const char *name) {
  dnmf_page_put(page, "<tr data-fact=\"");
  dnmf_page_text(page, key, -1);
  dnmf_page_put(page, "\"><th scope=\"row\">");
  dnmf_page_text(page, name, -1);
  dnmf_page_put(page, "</th><td");
}

void dnmf_page_fact_text(dnmf_page *page, const char *key, const char *name, const char *value) {
  fact_begin(page, key, name);
  dnmf_page_put(page, "><bdi>");
  dnmf_page_text(page, value, -1);
  dnmf_page_put(page, "</bdi></td></tr>\n");
}

static void fact_number(dnmf_page *page, const char *key, const char *name, double value, int digits) {
  fact_begin(page, key, name);
  if (isfinite(value))
    dnmf_page_format(page, " data-value=\"%.*g\"", digits, value);
  dnmf_page_put(page, ">");
  dnmf_page_number(page, value);
  dnmf_page_put(page, "</td></tr>\n");
}

void dnmf_page_fact_number(dnmf_page *page, const char *key, const char *name, double value) {
  fact_number(page, key, name, value, 17);
}

/* The last digits of a sum depend on how many processes made it. */
void dnmf_page_fact_figure(dnmf_page *page, const char *key, const char *name, double value) {
  fact_number(page, key, name, value, 9);
}

void dnmf_page_facts_end(dnmf_page *page) {
  dnmf_page_put(page, "</tbody>\n</table>\n");
}

void dnmf_page_numbers(dnmf_page *page, int columns, const char *const *names, int64_t rows, const double *values) {
  dnmf_page_put(page, "<details><summary>Numbers</summary>\n<table class=\"numbers\"><thead><tr>");
  for (int c = 0; c < columns; c++) {
    dnmf_page_put(page, "<th scope=\"col\">");
    dnmf_page_text(page, names[c], -1);
    dnmf_page_put(page, "</th>");
  }
  dnmf_page_put(page, "</tr></thead>\n<tbody>\n");
  for (int64_t i = 0; i < rows; i++) {
    dnmf_page_put(page, "<tr>");
    for (int c = 0; c < columns; c++) {
      const double value = values[i * columns + c];
      dnmf_page_put(page, "<td>");
      if (isfinite(value))
        dnmf_page_number(page, value);
      else
        dnmf_page_put(page, "\xe2\x80\x93");
      dnmf_page_put(page, "</td>");
    }
    dnmf_page_put(page, "</tr>\n");
  }
  dnmf_page_put(page, "</tbody></table></details>\n");
}

void dnmf_page_bar(dnmf_page *page, double part) {
  const double width = part > 0 ? fmin(part, 1) : 0;
  dnmf_page_format(page,
                   "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                   "<rect class=\"fill0\" width=\"%.4g\" height=\"10\"/></svg>",
                   100 * width);
}
