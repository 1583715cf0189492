/* Inside of pattern. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/data/pattern.h"

/* A regular expression of XML Schema as PCRE2 reads it. What is not understood stays as it is. */
void pattern_translate(struct str text, struct buf *out);
