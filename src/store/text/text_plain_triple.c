#include "store/text/text_plain_triple.h"

#include <string.h>

enum {
  ID_DIGITS = 18,   /* any number of that many digits fits into 64 bits */
  VALUE_DIGITS = 15 /* and of that many is exact in a double, as is the power of ten it is divided by */
};

bool dnmf_plain_triple_may_be(const dnmf_dialect *dialect) {
  const char c = dialect->delimiter[0];
  return dialect->length == 0 || (dialect->length == 1 && c != '.' && !(c >= '0' && c <= '9'));
}

static inline bool is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}

/* Up to seven digits at once, of eight bytes that are there, or none: lengths vary, and a branch on each digit is one
 * that processors guess wrong. Digits become bytes 0 ... 9, the last of them the highest byte, and neighbours are added
 * up, by two, four and eight. */
static inline int take_short(const char *at, int64_t *number) {
  uint64_t word = 0;
  memcpy(&word, at, sizeof word);
  word ^= UINT64_C(0x3030303030303030);
  const uint64_t others = ((word + UINT64_C(0x7676767676767676)) | word) & UINT64_C(0x8080808080808080);
  const int digits = others && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_ctzll(others) / 8 : 0;
  if (digits == 0)
    return 0;
  word <<= 64 - 8 * digits;
  word = (10 * word + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
  word = (100 * word + (word >> 16)) & UINT64_C(0x0000ffff0000ffff);
  *number = (int64_t)((10000 * word + (word >> 32)) & UINT32_MAX);
  return digits;
}

/* Digits from `at` on; returns what follows them. */
static inline const char *take_digits(const char *at, const char *end, int64_t *number) {
  int64_t sum = *number;
  for (; at < end && is_digit(*at); at++)
    sum = (int64_t)((uint64_t)sum * 10 + (uint64_t)(*at - '0'));
  *number = sum;
  return at;
}

/* An id as it would be printed; returns what follows the delimiter behind it, NULL when there is none. */
static inline const char *take_id(const dnmf_dialect *dialect, const char *at, const char *end, int64_t *id) {
  *id = 0;
  const int digits = end - at >= 8 ? take_short(at, id) : 0;
  const char *behind = digits > 0 ? at + digits : take_digits(at, end, id);
  if (behind == at || behind - at > ID_DIGITS || (*at == '0' && behind - at > 1) || behind == end)
    return NULL;
  const bool is_delimiter = dialect->length > 0 ? *behind == dialect->delimiter[0] : *behind == ' ' || *behind == '\t';
  return is_delimiter ? behind + 1 : NULL;
}

/* A digit, or two with a point between them, as ratings are. */
static inline bool take_rating(const char *at, const char *end, double *value) {
  if (end - at == 1 && is_digit(*at)) {
    *value = *at - '0';
    return true;
  }
  if (end - at != 3 || !is_digit(at[0]) || at[1] != '.' || !is_digit(at[2]))
    return false;
  *value = (10 * (at[0] - '0') + (at[2] - '0')) / 10.0;
  return true;
}

bool dnmf_plain_triple_read(const dnmf_dialect *dialect, dnmf_text_line line, dnmf_plain_triple *triple) {
  static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  int64_t mantissa = 0;
  const char *at = take_id(dialect, line.begin, line.end, &triple->row);
  at = at ? take_id(dialect, at, line.end, &triple->col) : NULL;
  if (!at || line.end - at > VALUE_DIGITS + 1)
    return false;
  if (take_rating(at, line.end, &triple->value))
    return true;
  const char *behind = take_digits(at, line.end, &mantissa);
  if (behind == at)
    return false;
  if (behind == line.end) {
    triple->value = (double)mantissa;
    return line.end - at <= VALUE_DIGITS;
  }
  const char *fraction = behind + 1;
  if (*behind != '.' || take_digits(fraction, line.end, &mantissa) != line.end)
    return false;
  triple->value = (double)mantissa / powers[line.end - fraction];
  return true;
}
