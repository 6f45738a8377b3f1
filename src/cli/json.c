#include "json.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ESCAPE_BYTES = 4 }; /* \xNN */

/* --- Texts ------------------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character that `text` begins with; 0 when there is none: an odd byte, an overlong form, a
 * surrogate, a code beyond the last. */
static size_t utf8_bytes(const unsigned char *text, size_t left) {
  static const unsigned long first_of[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned long code = *text;
  if (code < 0x80)
    return 1;
  size_t bytes = code >= 0xc2 && code < 0xe0   ? 2
                 : code >= 0xe0 && code < 0xf0 ? 3
                 : code >= 0xf0 && code < 0xf5 ? 4
                                               : 0;
  if (bytes == 0 || bytes > left)
    return 0;
  code &= 0xffu >> (bytes + 1);
  for (size_t i = 1; i < bytes; i++) {
    if ((text[i] & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (text[i] & 0x3fu);
  }
  bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < first_of[bytes] || code > 0x10ffff || surrogate ? 0 : bytes;
}

/* The value of a lower-case hexadecimal digit, or -1. */
static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte that \xNN stands for, or -1 when `text` does not begin with one. */
static int escaped_byte(const char *text, size_t left) {
  if (left < ESCAPE_BYTES || text[0] != '\\' || text[1] != 'x' || hex_digit(text[2]) < 0 || hex_digit(text[3]) < 0)
    return -1;
  return 16 * hex_digit(text[2]) + hex_digit(text[3]);
}

/* The caller frees the result; NULL when memory ran out. */
static char *escape(const char *text, size_t length, size_t *escaped_length) {
  static const char digits[] = "0123456789abcdef";
  char *escaped = malloc(ESCAPE_BYTES * length + 1);
  char *to = escaped;
  for (size_t i = 0; escaped && i < length;) {
    const unsigned char *at = (const unsigned char *)text + i;
    size_t bytes = escaped_byte(text + i, length - i) >= 0 ? 0 : utf8_bytes(at, length - i);
    if (bytes > 0) {
      memcpy(to, at, bytes);
      to += bytes;
    } else {
      const char written[ESCAPE_BYTES] = {'\\', 'x', digits[*at >> 4], digits[*at & 15]};
      memcpy(to, written, sizeof written);
      to += sizeof written;
    }
    i += bytes > 0 ? bytes : 1;
  }
  if (escaped)
    *to = 0;
  *escaped_length = escaped ? (size_t)(to - escaped) : 0;
  return escaped;
}

const char *cli_json_unescape(json_t *text) {
  const char *escaped = json_string_value(text);
  size_t length = json_string_length(text);
  char *bytes = escaped ? malloc(length + 1) : NULL;
  char *to = bytes;
  for (size_t i = 0; bytes && i < length;) {
    int byte = escaped_byte(escaped + i, length - i);
    *to++ = (char)(byte >= 0 ? byte : escaped[i]);
    i += byte >= 0 ? ESCAPE_BYTES : 1;
  }
  bool kept = bytes && json_string_setn_nocheck(text, bytes, (size_t)(to - bytes)) == 0;
  free(bytes);
  return kept ? json_string_value(text) : NULL;
}

json_t *cli_json_bytes(const char *text, size_t length) {
  size_t escaped_length = 0;
  char *escaped = escape(text, length, &escaped_length);
  json_t *value = escaped ? json_stringn(escaped, escaped_length) : NULL;
  free(escaped);
  return value;
}

json_t *cli_json_text(const char *text) {
  return text ? cli_json_bytes(text, strlen(text)) : json_null();
}

json_t *cli_json_real(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

/* --- Wholes ----------------------------------------------------------------------------------------------- */

static void discard(json_t **into) {
  json_decref(*into);
  *into = NULL;
}

void cli_json_set(json_t **into, const char *name, json_t *value) {
  size_t length = 0;
  char *escaped = escape(name, strlen(name), &length);
  bool set = *into && escaped && value && json_object_set(*into, escaped, value) == 0;
  free(escaped);
  json_decref(value);
  if (!set)
    discard(into);
}

void cli_json_append(json_t **into, json_t *value) {
  bool appended = *into && value && json_array_append(*into, value) == 0;
  json_decref(value);
  if (!appended)
    discard(into);
}

void cli_json_merge(json_t **into, json_t *more) {
  bool merged = *into && more && json_object_update(*into, more) == 0;
  json_decref(more);
  if (!merged)
    discard(into);
}

/* A format on its way to a value. After a failure its arguments are still taken, to be released. */
typedef struct packing {
  const char *at;
  va_list arguments;
} packing;

static void skip_separators(packing *p) {
  p->at += strspn(p->at, " ,:");
}

static bool take_letter(packing *p, char letter) {
  bool found = *p->at == letter;
  p->at += found;
  return found;
}

static json_t *pack_text(packing *p) {
  const char *text = va_arg(p->arguments, const char *);
  if (take_letter(p, '%'))
    return cli_json_bytes(text, va_arg(p->arguments, size_t));
  bool may_be_null = take_letter(p, '?');
  return text || may_be_null ? cli_json_text(text) : NULL;
}

static json_t *pack_value(packing *p);

static json_t *pack_array(packing *p) {
  json_t *array = json_array();
  for (skip_separators(p); *p->at && !take_letter(p, ']'); skip_separators(p))
    cli_json_append(&array, pack_value(p));
  return array;
}

static json_t *pack_object(packing *p) {
  json_t *object = json_object();
  for (skip_separators(p); *p->at && !take_letter(p, '}'); skip_separators(p)) {
    p->at++; /* the s of the name */
    const char *name = va_arg(p->arguments, const char *);
    skip_separators(p);
    json_t *value = pack_value(p);
    if (take_letter(p, '*') && !value)
      continue;
    cli_json_set(&object, name, value);
  }
  return object;
}

static json_t *pack_value(packing *p) {
  switch (*p->at++) {
  case '{':
    return pack_object(p);
  case '[':
    return pack_array(p);
  case 's':
    return pack_text(p);
  case 'i':
    return json_integer(va_arg(p->arguments, int));
  case 'I':
    return json_integer(va_arg(p->arguments, json_int_t));
  case 'f':
    return cli_json_real(va_arg(p->arguments, double));
  case 'b':
    return json_boolean(va_arg(p->arguments, int));
  case 'o':
    return va_arg(p->arguments, json_t *);
  default:
    p->at = ""; /* no such letter: what its argument would be is not known */
    return NULL;
  }
}

json_t *cli_json_pack(const char *format, ...) {
  packing p = {.at = format};
  va_start(p.arguments, format);
  json_t *value = pack_value(&p);
  va_end(p.arguments);
  return value;
}
