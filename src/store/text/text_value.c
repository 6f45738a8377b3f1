#include "store/text/text_value.h"

#include "store/text/text_number.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { QUOTED = 60 /* characters of a field in a message */, LONGEST = 64 /* of a number with groups of thousands */ };

dnmf_status dnmf_value_rule_read(dnmf_error *error, const dnmf_source_options *options, const dnmf_dialect *dialect,
                                 dnmf_value_rule *rule) {
  memset(rule, 0, sizeof *rule);
  rule->decimal = dialect->decimal;
  DNMF_TRY(dnmf_cell_rule_read(error, options, true, &rule->cells));
  rule->plain = !rule->cells.text && rule->cells.add == 0 && rule->decimal == 0;
  return DNMF_OK;
}

bool dnmf_text_is_missing(const char *begin, const char *end) {
  static const char *const words[] = {"na", "nan", "n/a", "null", "none", "\\n", "#n/a", NULL};
  size_t length = (size_t)(end - begin);
  for (const char *const *word = words; *word && length > 0; word++)
    if (strlen(*word) == length && strncasecmp(begin, *word, length) == 0)
      return true;
  return length == 0;
}

/* Digits in groups of three, "1,234,567", with `mark` between them, up to what follows; NULL when they are not. */
static const char *skip_groups(const char *at, const char *end, char mark) {
  const char *begin = at;
  while (at < end && isdigit((unsigned char)*at))
    at++;
  if (at - begin < 1 || at - begin > 3)
    return NULL;
  while (at < end && *at == mark) {
    const char *group = ++at;
    while (at < end && isdigit((unsigned char)*at))
      at++;
    if (at - group != 3)
      return NULL;
  }
  return at;
}

/* The number without groups of thousands and with a point. */
static bool parse_decimal(char decimal, const char *begin, const char *end, double *value) {
  char text[LONGEST];
  size_t used = 0;
  char group = decimal == ',' ? '.' : ',';
  const char *digits = begin < end && (*begin == '-' || *begin == '+') ? begin + 1 : begin;
  if (end - begin >= LONGEST || digits >= end)
    return false;
  const char *grouped = memchr(digits, group, (size_t)(end - digits)) ? skip_groups(digits, end, group) : digits;
  if (!grouped)
    return false;
  for (const char *at = begin; at < end; at++)
    if (*at != group)
      text[used++] = (char)(*at == decimal ? '.' : *at);
    else if (at >= grouped)
      return false;
  return dnmf_parse_real(text, text + used, value);
}

static bool parse(char decimal, const char *begin, const char *end, double *value) {
  return decimal ? parse_decimal(decimal, begin, end, value) : dnmf_parse_real(begin, end, value);
}

bool dnmf_text_is_number(char decimal, const char *begin, const char *end) {
  double value = 0;
  return parse(decimal, begin, end, &value);
}

static dnmf_status refuse_value(dnmf_error *error, const char *begin, const char *end, const char *why) {
  int shown = end - begin < QUOTED ? (int)(end - begin) : QUOTED;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "the value \"%.*s\" %s", shown, begin, why);
}

/* A number to those who write 3,5 or 1,234 may be none here. */
static dnmf_status refuse_text(dnmf_error *error, const dnmf_value_rule *rule, const char *begin, const char *end) {
  double value = 0;
  bool comma = rule->decimal == 0 && parse_decimal(',', begin, end, &value);
  bool grouped =
      rule->decimal == 0 && memchr(begin, ',', (size_t)(end - begin)) != NULL && parse_decimal('.', begin, end, &value);
  if (grouped && comma)
    return refuse_value(
        error, begin, end,
        "is not a number; --decimal . reads commas as groups of thousands, --decimal , as decimal marks");
  if (grouped)
    return refuse_value(error, begin, end, "is not a number; --decimal . reads commas as groups of thousands");
  if (comma)
    return refuse_value(error, begin, end, "is not a number; --decimal , reads commas as decimal marks");
  return refuse_value(error, begin, end, "is not a number");
}

static bool is_mark(const dnmf_cell_rule *rule, const char *begin, const char *end) {
  return rule->text && strlen(rule->text) == (size_t)(end - begin) &&
         memcmp(rule->text, begin, (size_t)(end - begin)) == 0;
}

static dnmf_status take_missing(dnmf_error *error, dnmf_value_rule *rule, const char *begin, const char *end,
                                double *value) {
  bool nan = begin < end && dnmf_parse_real(begin, end, value);
  if (!rule->cells.leave_out && begin == end)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the value is missing (" DNMF_MISSING_ADVICE ")");
  if (!rule->cells.leave_out)
    return refuse_value(error, begin, end,
                        nan ? "is not finite (" DNMF_MISSING_ADVICE ")" : "is not a number (" DNMF_MISSING_ADVICE ")");
  rule->missing++;
  *value = NAN;
  return DNMF_OK;
}

dnmf_status dnmf_text_value(dnmf_error *error, dnmf_value_rule *rule, const char *begin, const char *end,
                            double *value) {
  bool digit = begin < end && *begin >= '0' && *begin <= '9'; /* as nearly all values begin */
  if (is_mark(&rule->cells, begin, end) || (!digit && dnmf_text_is_missing(begin, end)))
    return take_missing(error, rule, begin, end, value);
  if (!parse(rule->decimal, begin, end, value))
    return refuse_text(error, rule, begin, end);
  if (dnmf_cell_is_missing(&rule->cells, value))
    return take_missing(error, rule, begin, end, value);
  if (!isfinite(*value))
    return refuse_value(error, begin, end, "is not finite; every value must be a number from 0 up");
  if (*value < 0)
    return refuse_value(
        error, begin, end,
        "is negative; every value must be 0 or more (--add X shifts all values, --missing-value X names a mark "
        "of missing ones)");
  return DNMF_OK;
}

/* Two digits, or as many as there are of a year. */
static bool take_digits(const char **at, const char *end, int count, int64_t *number) {
  *number = 0;
  for (int i = 0; i < count; i++, ++*at) {
    if (*at == end || !isdigit((unsigned char)**at))
      return false;
    *number = 10 * *number + (**at - '0');
  }
  return true;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

/* 2020-01-31, 2020-01-31 23:59, 2020-01-31T23:59:59.25, with or without Z or +02:00 behind. */
static bool parse_date(const char *at, const char *end, double *seconds) {
  int64_t year, month, day, hour = 0, minute = 0, second = 0, east = 0, more = 0;
  double fraction = 0;
  if (!take_digits(&at, end, 4, &year) || at == end || (*at != '-' && *at != '/') || (++at, false) ||
      !take_digits(&at, end, 2, &month) || at == end || (*at != '-' && *at != '/') || (++at, false) ||
      !take_digits(&at, end, 2, &day))
    return false;
  if (at < end && (*at == 'T' || *at == ' ')) {
    at++;
    if (!take_digits(&at, end, 2, &hour) || at == end || *at++ != ':' || !take_digits(&at, end, 2, &minute))
      return false;
    if (at < end && *at == ':' && (at++, !take_digits(&at, end, 2, &second)))
      return false;
    if (at < end && *at == '.')
      for (double part = 0.1; ++at < end && isdigit((unsigned char)*at); part /= 10)
        fraction += part * (*at - '0');
  }
  if (at < end && *at == 'Z') {
    at++;
  } else if (at < end && (*at == '+' || *at == '-')) {
    int64_t sign = *at++ == '+' ? 1 : -1;
    if (!take_digits(&at, end, 2, &east))
      return false;
    at += at < end && *at == ':';
    if (at < end && !take_digits(&at, end, 2, &more))
      return false;
    east = sign * (60 * east + more);
  }
  *seconds = (double)(((days_of(year, month, day) * 24 + hour) * 60 + minute - east) * 60 + second) + fraction;
  return at == end && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

dnmf_status dnmf_text_time(dnmf_error *error, const char *begin, const char *end, double *seconds) {
  if (dnmf_parse_real(begin, end, seconds) ? isfinite(*seconds) : parse_date(begin, end, seconds))
    return DNMF_OK;
  int shown = end - begin < QUOTED ? (int)(end - begin) : QUOTED;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the time \"%.*s\" is neither a number nor a date such as 2020-01-31 23:59:59", shown, begin);
}
