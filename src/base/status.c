#include "dnmf/status.h"

#include <stdarg.h>
#include <stdio.h>

dnmf_status dnmf_fail(dnmf_error *error, dnmf_status status, const char *format, ...) {
  if (error->status != DNMF_OK)
    return error->status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  error->status = status;
  return status;
}
