#include "base/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Bytes of the UTF-8 character at `text`, 0 when there is none that a terminal shows. */
static size_t printable_bytes(const unsigned char *text) {
  size_t bytes = *text < 0x20 || *text == 0x7f ? 0
                 : *text < 0x80                ? 1
                 : *text < 0xc2                ? 0
                 : *text < 0xe0                ? 2
                 : *text < 0xf0                ? 3
                 : *text < 0xf5                ? 4
                                               : 0;
  for (size_t i = 1; i < bytes; i++)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  return bytes;
}

void dnmf_make_printable(char *text) {
  while (*text) {
    size_t bytes = printable_bytes((const unsigned char *)text);
    if (bytes == 0)
      *text = '?';
    text += bytes ? bytes : 1;
  }
}

dnmf_status dnmf_fail(dnmf_error *error, dnmf_status status, const char *format, ...) {
  if (error->status != DNMF_OK)
    return error->status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  dnmf_make_printable(error->text);
  error->status = status;
  return status;
}
