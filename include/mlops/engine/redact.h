/* Secrets out of logs, before they reach disk or screen: exact value, base64 and URL-escaped form
 * become
 * "***", also when they are split over reads. Values shorter than 4 bytes are left alone (they
 * would eat ordinary text). */
#pragma once

#include "mlops/base/buf.h"

struct redactor;

/* `secrets` are copied; they are wiped by redactor_drop. NULL is returned when there is nothing to
 * hide. */
struct redactor *redactor_open(const struct str *secrets, size_t count);
void redactor_drop(struct redactor **redactor);

/* Appends to *out what can be shown of the text so far; the end of it may be held back. */
void redactor_add(struct redactor *redactor, struct str text, struct buf *out);

/* Appends what was held back. */
void redactor_finish(struct redactor *redactor, struct buf *out);
