#include "store/numpy/npy_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 6, LONGEST_NAME = 40, MOST_ITEM_BYTES = 16, WIDEST_ITEM = 1 << 24, UNICODE_BYTES = 4 };

static const int64_t LONGEST_HEADER = 1 << 20;

int64_t dnmf_npy_data(const char *bytes, int64_t count) {
  const unsigned char *start = (const unsigned char *)bytes;
  if (count < DNMF_NPY_START || memcmp(bytes, "\x93NUMPY", MAGIC) != 0 || start[MAGIC] < 1 || start[MAGIC] > 3)
    return -1;
  if (start[MAGIC] == 1)
    return MAGIC + 4 + (start[8] | (int64_t)start[9] << 8);
  int64_t length = start[8] | (int64_t)start[9] << 8 | (int64_t)start[10] << 16 | (int64_t)start[11] << 24;
  return length <= LONGEST_HEADER ? DNMF_NPY_START + length : -1;
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n'))
    at++;
  return at;
}

/* What follows 'key': in the header, a Python dictionary; NULL when it is not there. */
static const char *find_value(const char *begin, const char *end, const char *key) {
  size_t length = strlen(key);
  for (const char *at = begin; at + length + 2 < end; at++) {
    if ((*at != '\'' && *at != '"') || at[length + 1] != *at || memcmp(at + 1, key, length) != 0)
      continue;
    const char *value = skip_blanks(at + length + 2, end);
    if (value < end && *value == ':')
      return skip_blanks(value + 1, end);
  }
  return NULL;
}

/* '<f8' and the like; a list stands for a record. */
static dnmf_status parse_type(dnmf_error *error, const char *at, const char *end, dnmf_npy *npy) {
  char text[LONGEST_NAME] = "";
  if (at && at < end && *at == '[')
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is an array of records, not of numbers");
  if (!at || at >= end || (*at != '\'' && *at != '"'))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header that does not name the type of its items");
  const char *quote = memchr(at + 1, *at, (size_t)(end - at - 1));
  if (!quote || quote - at - 1 >= LONGEST_NAME || quote - at - 1 < 2)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header that does not name the type of its items");
  memcpy(text, at + 1, (size_t)(quote - at - 1));
  const char *name = *text && strchr("<>=|", *text) ? text + 1 : text;
  char *rest = NULL;
  npy->big_endian = *text == '>';
  npy->kind = *name;
  npy->item_bytes = strtol(name + 1, &rest, 10);
  if (*rest || npy->item_bytes < 0 || npy->item_bytes > WIDEST_ITEM) { /* a unit, of times and dates, or nonsense */
    npy->kind = 'M';
    npy->item_bytes = 0;
  }
  if (npy->kind == 'U') /* counted in characters */
    npy->item_bytes *= UNICODE_BYTES;
  const char *words = npy->kind == 'f'   ? "float"
                      : npy->kind == 'i' ? "int"
                      : npy->kind == 'u' ? "uint"
                      : npy->kind == 'c' ? "complex"
                                         : NULL;
  if (words)
    snprintf(npy->type, sizeof npy->type, "%s%" PRId64, words, 8 * npy->item_bytes);
  else
    snprintf(npy->type, sizeof npy->type, "%s",
             npy->kind == 'b'                       ? "bool"
             : npy->kind == 'S' || npy->kind == 'U' ? "string"
             : npy->kind == 'O'                     ? "Python object"
                                                    : "not a number");
  return DNMF_OK;
}

/* (30, 20), (30,) or (); Python 2 wrote (30L, 20L). */
static dnmf_status parse_shape(dnmf_error *error, const char *at, const char *end, dnmf_npy *npy) {
  size_t used = 0;
  npy->items = 1;
  npy->shape[0] = npy->shape[1] = 1;
  if (!at || at >= end || *at != '(')
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header without a shape");
  for (at = skip_blanks(at + 1, end); at < end && *at != ')'; at = skip_blanks(at, end)) {
    char *rest = NULL;
    long long extent = *at >= '0' && *at <= '9' ? strtoll(at, &rest, 10) : -1;
    if (extent < 0 || __builtin_mul_overflow(npy->items, (int64_t)extent, &npy->items))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header with an impossible shape");
    if (npy->rank < 2)
      npy->shape[npy->rank] = extent;
    if (used < sizeof npy->text / 2)
      used += (size_t)snprintf(npy->text + used, sizeof npy->text - used, "%s%lld", npy->rank > 0 ? " x " : "", extent);
    npy->rank++;
    at = skip_blanks(*rest == 'L' ? rest + 1 : rest, end);
    if (at < end && *at == ',')
      at++;
    else if (at < end && *at != ')')
      return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header with an impossible shape");
  }
  int64_t bytes = 0;
  if (at >= end || __builtin_mul_overflow(npy->items, npy->item_bytes, &bytes) || bytes > INT64_MAX - npy->data)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a NumPy header with an impossible shape");
  snprintf(npy->text + used, sizeof npy->text - used, "%s%s", used ? " " : "a single ", npy->type);
  return DNMF_OK;
}

/* A dictionary in printable characters, blanks, and the line end inside which strtol stops. */
static bool is_dictionary(const char *begin, const char *end) {
  if (begin >= end || end[-1] != '\n')
    return false;
  for (const char *at = begin; at < end - 1; at++)
    if ((unsigned char)*at < ' ')
      return false;
  while (end > begin && (end[-1] == ' ' || end[-1] == '\n'))
    end--;
  return end - begin >= 2 && *begin == '{' && end[-1] == '}';
}

dnmf_status dnmf_npy_parse(dnmf_error *error, const char *bytes, int64_t data, dnmf_npy *npy) {
  memset(npy, 0, sizeof *npy);
  npy->data = data;
  const char *begin = bytes + (bytes[MAGIC] == 1 ? DNMF_NPY_START - 2 : DNMF_NPY_START);
  const char *end = bytes + data;
  const char *order = is_dictionary(begin, end) ? find_value(begin, end, "fortran_order") : NULL;
  if (!order)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a damaged NumPy header");
  npy->by_columns = end - order >= 4 && memcmp(order, "True", 4) == 0;
  if (!npy->by_columns && (end - order < 5 || memcmp(order, "False", 5) != 0))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "has a damaged NumPy header");
  DNMF_TRY(parse_type(error, find_value(begin, end, "descr"), end, npy));
  return parse_shape(error, find_value(begin, end, "shape"), end, npy);
}

bool dnmf_npy_is_numeric(const dnmf_npy *npy) {
  int64_t size = npy->item_bytes;
  bool power = size > 0 && size <= MOST_ITEM_BYTES && (size & (size - 1)) == 0;
  if (npy->kind == 'f')
    return power && size > 1 && (size < MOST_ITEM_BYTES || (!npy->big_endian && size == (int64_t)sizeof(long double)));
  return (npy->kind == 'b' && size == 1) || ((npy->kind == 'i' || npy->kind == 'u') && power && size <= 8);
}

static hid_t integer_type(bool is_signed, int64_t size) {
  hid_t type = size == 1 ? H5T_STD_U8LE : size == 2 ? H5T_STD_U16LE : size == 4 ? H5T_STD_U32LE : H5T_STD_U64LE;
  type = H5Tcopy(type);
  if (type >= 0 && is_signed)
    H5Tset_sign(type, H5T_SGN_2);
  return type;
}

/* Half precision: a sign, 5 bits of exponent and 10 of mantissa (IEEE 754). */
static hid_t half_type(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type >= 0 &&
      (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0)) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

hid_t dnmf_npy_type(const dnmf_npy *npy) {
  hid_t type = -1;
  if (!dnmf_npy_is_numeric(npy))
    return -1;
  if (npy->kind != 'f')
    type = integer_type(npy->kind == 'i', npy->item_bytes);
  else if (npy->item_bytes == 2)
    type = half_type();
  else
    type = H5Tcopy(npy->item_bytes == 4 ? H5T_IEEE_F32LE : npy->item_bytes == 8 ? H5T_IEEE_F64LE : H5T_NATIVE_LDOUBLE);
  if (type >= 0 && npy->big_endian)
    H5Tset_order(type, H5T_ORDER_BE);
  return type;
}
