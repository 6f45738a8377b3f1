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

/* Eight bytes in which digits are 0 ... 9; the first is the lowest. */
static inline uint64_t load_digits(const char *at) {
  uint64_t word = 0;
  memcpy(&word, at, sizeof word);
  return word ^ UINT64_C(0x3030303030303030);
}

/* How many digits such a word begins with, if fewer than eight; else 0, as where bytes are in another order. */
static inline int count_digits(uint64_t word) {
  const uint64_t others = ((word + UINT64_C(0x7676767676767676)) | word) & UINT64_C(0x8080808080808080);
  return others && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_ctzll(others) / 8 : 0;
}

/* The number that the first 1 to 7 of them make, the last of which becomes the highest byte: neighbours are added up,
 * by two, four and eight. */
static inline uint64_t join_digits(uint64_t word, int digits) {
  word <<= 64 - 8 * digits;
  word = (10 * word + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
  word = (100 * word + (word >> 16)) & UINT64_C(0x0000ffff0000ffff);
  return (10000 * word + (word >> 32)) & UINT32_MAX;
}

/* Up to seven digits at once, of eight bytes that are there, or none: lengths vary, and a branch on each digit is one
 * that processors guess wrong. */
static inline int take_short(const char *at, int64_t *number) {
  const uint64_t word = load_digits(at);
  const int digits = count_digits(word);
  if (digits > 0)
    *number = (int64_t)join_digits(word, digits);
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

static inline bool is_delimiter(const dnmf_dialect *dialect, char c) {
  return dialect->length > 0 ? c == dialect->delimiter[0] : c == ' ' || c == '\t';
}

/* An id as it would be printed; returns what follows the delimiter behind it, NULL when there is none. */
static inline const char *take_id(const dnmf_dialect *dialect, const char *at, const char *end, int64_t *id) {
  *id = 0;
  const int digits = end - at >= 8 ? take_short(at, id) : 0;
  const char *behind = digits > 0 ? at + digits : take_digits(at, end, id);
  if (behind == at || behind - at > ID_DIGITS || (*at == '0' && behind - at > 1) || behind == end)
    return NULL;
  return is_delimiter(dialect, *behind) ? behind + 1 : NULL;
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

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

bool dnmf_plain_triple_read(const dnmf_dialect *dialect, dnmf_text_line line, dnmf_plain_triple *triple) {
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

enum { SHORT_LINE = 40 /* bytes that are looked at, at most, of a line whose three numbers are short */ };

/* An id of up to seven digits; returns what follows the delimiter behind it, NULL when it is no such id. */
static inline char *take_short_id(const dnmf_dialect *dialect, char *at, int64_t *id) {
  const int digits = take_short(at, id);
  return digits > 0 && !(*at == '0' && digits > 1) && is_delimiter(dialect, at[digits]) ? at + digits + 1 : NULL;
}

/* Where the line feed is among eight bytes, as load_digits has them; 8 when there is none. */
static inline int find_feed(uint64_t word) {
  const uint64_t rest = word ^ ('\n' ^ '0') * UINT64_C(0x0101010101010101);
  const uint64_t feeds = (rest - UINT64_C(0x0101010101010101)) & ~rest & UINT64_C(0x8080808080808080);
  return feeds ? __builtin_ctzll(feeds) / 8 : 8;
}

/* A value of up to seven characters and the end of its line, which is passed; NULL when it is anything else. Where the
 * next line begins does not wait for what the value is, which does not depend on branches for whether it has a point
 * and where. */
static inline char *take_short_value(char *at, double *value) {
  const uint64_t word = load_digits(at);
  const int feed = find_feed(word);
  const int whole = count_digits(word);
  if (feed == 8 || whole == 0)
    return NULL;
  const int length = feed - (at[feed - 1] == '\r');
  const uint64_t point = at[whole] == '.';                  /* 0 or 1 */
  const uint64_t before = (UINT64_C(1) << (8 * whole)) - 1; /* the bytes of the digits before it */
  const uint64_t number = (word & before) | ((word >> (8 * point)) & ~before) | (0 - point) << 56;
  const int digits = count_digits(number);
  *value = (double)join_digits(number, digits) / powers[digits - whole];
  return digits + (int)point == length ? at + feed + 1 : NULL;
}

/* A line whose numbers are all short, and its end; NULL when it is not. SHORT_LINE bytes are there. */
static inline char *take_short_line(const dnmf_dialect *dialect, char *at, dnmf_plain_triple *triple) {
  char *next = take_short_id(dialect, at, &triple->row);
  next = next ? take_short_id(dialect, next, &triple->col) : NULL;
  return next ? take_short_value(next, &triple->value) : NULL;
}

/* Any plain line and its end; NULL when it is none, or not whole. */
static char *take_long_line(const dnmf_dialect *dialect, char *at, const char *end, dnmf_plain_triple *triple) {
  char *feed = memchr(at, '\n', (size_t)(end - at));
  if (!feed)
    return NULL;
  const dnmf_text_line line = {at, feed > at && feed[-1] == '\r' ? feed - 1 : feed};
  return dnmf_plain_triple_read(dialect, line, triple) ? feed + 1 : NULL;
}

int64_t dnmf_plain_triples_read(const dnmf_dialect *dialect, char *begin, const char *limit, const char *end,
                                int64_t most, dnmf_plain_triple *triples, char **after) {
  int64_t count = 0;
  char *at = begin;
  while (count < most && at < limit) {
    char *next = end - at >= SHORT_LINE ? take_short_line(dialect, at, &triples[count]) : NULL;
    if (!next)
      next = take_long_line(dialect, at, end, &triples[count]);
    if (!next)
      break;
    at = next;
    count++;
  }
  *after = at;
  return count;
}
