/* Times and amounts as text. Inside the program a time is int64 nanoseconds: of the realtime clock
 * since 1970 for a moment, of the monotonic clock for a duration. */
#pragma once

#include "mlops/base/str.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* "2026-11-23T20:41:00.123Z" (RFC 3339, UTC, milliseconds). */
struct str moment_print(struct arena *arena, int64_t moment_ns);

/* Nanoseconds of a moment in UTC as moment_print writes it (fractions of a second may have any
 * length or be missing). False if it is none. */
bool moment_parse(struct str text, int64_t *ret_ns);

/* The same for HTTP's dates: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate). */
bool moment_parse_http(struct str text, int64_t *ret_ns);

/* "4 ms", "12.3 s", "2 min 05 s", "3 h 12 min", "2 d 04 h". */
struct str duration_print(struct arena *arena, int64_t duration_ns);

/* "30s", "1.5m", "2h", "1d", "250ms", or a plain number of seconds. False if it is none of these,
 * negative, not finite, or above LIMIT_TIMEOUT_S. */
bool duration_parse(struct str text, int64_t *ret_ns);

/* "4GiB", "500MB", "1.5 GiB", "1024" (bytes). False if malformed, negative or above 2^62. */
bool bytes_parse(struct str text, int64_t *ret_bytes);

/* "512 B", "1.2 KiB", "3.4 GiB". */
struct str bytes_print(struct arena *arena, int64_t bytes);

/* "1,234,567". */
struct str count_print(struct arena *arena, int64_t count);
