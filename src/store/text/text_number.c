#include "store/text/text_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
  FAST_DIGITS = 15, /* a mantissa below 10^15 is exact in a double */
  FAST_POWER = 22,  /* and so is 10^22 */
  LONGEST = 1023    /* characters of the longest number read */
};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* A decimal number in its parts; the mantissa is meant only up to FAST_DIGITS digits. */
typedef struct decimal {
  bool negative;
  int64_t mantissa;
  int digits;   /* of the mantissa, leading zeros left out */
  int exponent; /* of ten */
} decimal;

static void take_digit(decimal *number, char digit) {
  if (number->digits > 0 || digit != '0')
    number->digits++;
  if (number->digits <= FAST_DIGITS)
    number->mantissa = number->mantissa * 10 + (digit - '0');
}

/* Reads [sign] digits [. digits] [e [sign] digits]; false when the field is anything else. */
static bool scan(const char *at, const char *end, decimal *number) {
  number->negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+'))
    at++;
  const char *whole = at;
  for (; at < end && is_digit(*at); at++)
    take_digit(number, *at);
  bool any = at > whole;
  if (at < end && *at == '.') {
    const char *fraction = ++at;
    for (; at < end && is_digit(*at); at++)
      take_digit(number, *at);
    any = any || at > fraction;
    number->exponent = -(int)(at - fraction);
  }
  if (!any || at == end)
    return any;
  if (*at != 'e' && *at != 'E')
    return false;
  at++;
  bool down = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+'))
    at++;
  int power = 0;
  const char *digits = at;
  for (; at < end && is_digit(*at); at++)
    power = power < 100000 ? power * 10 + (*at - '0') : power;
  number->exponent += down ? -power : power;
  return at == end && at > digits;
}

static bool is_number_word(const char *begin, const char *end, const char *word) {
  size_t length = strlen(word);
  return (size_t)(end - begin) == length && strncasecmp(begin, word, length) == 0;
}

static bool parse_special(const char *begin, const char *end, double *value) {
  bool negative = begin < end && *begin == '-';
  if (begin < end && (*begin == '-' || *begin == '+'))
    begin++;
  if (is_number_word(begin, end, "nan"))
    *value = NAN;
  else if (is_number_word(begin, end, "inf") || is_number_word(begin, end, "infinity"))
    *value = negative ? -INFINITY : INFINITY;
  else
    return false;
  return true;
}

bool dnmf_parse_real(const char *begin, const char *end, double *value) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  decimal number = {0};
  if (end - begin > LONGEST)
    return false;
  if (!scan(begin, end, &number))
    return parse_special(begin, end, value);
  if (number.digits <= FAST_DIGITS && number.exponent >= -FAST_POWER && number.exponent <= FAST_POWER) {
    /* Both operands are exact, so one rounding makes the nearest double (Clinger 1990). */
    double mantissa = (double)number.mantissa;
    *value = number.exponent < 0 ? mantissa / powers[-number.exponent] : mantissa * powers[number.exponent];
    *value = number.negative ? -*value : *value;
    return true;
  }
  char text[LONGEST + 1];
  memcpy(text, begin, (size_t)(end - begin));
  text[end - begin] = '\0';
  *value = strtod(text, NULL);
  return true;
}

bool dnmf_parse_integer(const char *begin, const char *end, int64_t *value) {
  bool negative = begin < end && *begin == '-';
  if (begin < end && (*begin == '-' || *begin == '+'))
    begin++;
  if (begin == end)
    return false;
  int64_t sum = 0; /* kept negative: that side reaches one further */
  for (; begin < end; begin++)
    if (!is_digit(*begin) || __builtin_mul_overflow(sum, (int64_t)10, &sum) ||
        __builtin_sub_overflow(sum, (int64_t)(*begin - '0'), &sum))
      return false;
  if (!negative && __builtin_sub_overflow((int64_t)0, sum, &sum))
    return false;
  *value = sum;
  return true;
}

bool dnmf_parse_canonical_integer(const char *begin, const char *end, int64_t *value) {
  const char *digits = begin < end && *begin == '-' ? begin + 1 : begin;
  if (digits == end || !is_digit(*digits))
    return false;
  if (*digits == '0' && (end - digits > 1 || digits > begin))
    return false;
  return dnmf_parse_integer(begin, end, value);
}
