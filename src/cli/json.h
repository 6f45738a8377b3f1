/*
 * JSON values that are always valid, whatever a number or a text is, and whose failures are seen.
 *
 * Only this file calls the functions of jansson that make values (tests/hygiene/layers.py). A number that is not finite
 * is null. A text is escaped where it is not valid UTF-8: a byte that belongs to no character becomes \xNN, N being a
 * lower-case hexadecimal digit. For a text that itself holds a backslash before x and two such digits, that backslash
 * becomes \x5c. So every sequence of bytes has its own escape, which replacing each \xNN by its byte undoes; text that
 * is valid UTF-8 and has no such backslash stays as it is. (JSON writes a backslash as two.)
 *
 * When memory runs out the functions return NULL or leave NULL in *into, and take NULL in place of a value as a sign
 * that this has happened: it is enough to look at the whole at the end.
 */
#ifndef DNMF_CLI_JSON_H
#define DNMF_CLI_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

json_t *cli_json_real(double value);     /* null when it is not finite */
json_t *cli_json_text(const char *text); /* escaped; null for NULL */
json_t *cli_json_bytes(const char *text, size_t length);

/* As json_pack: { } and [ ] around values parted by commas and blanks, in objects each behind s: for its name.
 *   s  const char *      s?  the same, null for NULL      s%  const char *, size_t: so many bytes
 *   i  int               I  json_int_t                    f  double                b  int: true or false
 *   o  json_t *, taken over                               o*  the same, left out with its name when NULL
 */
json_t *cli_json_pack(const char *format, ...);

/* Put `value`, which is taken over, into an object or at the end of an array; NULL in *into when that failed, now or
 * earlier. The name is escaped as texts are. */
void cli_json_set(json_t **into, const char *name, json_t *value);
void cli_json_append(json_t **into, json_t *value);

/* Adds the members of `more`, which is taken over. */
void cli_json_merge(json_t **into, json_t *more);

/* The bytes that were escaped into `text`, terminated; they are kept in it and live as long. NULL when it is no text or
 * memory ran out. Called once for a value. */
const char *cli_json_unescape(json_t *text);

#endif
