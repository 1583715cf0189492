/* Errors that a test expects, or does not. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"

#include <string.h>

#include "support/unit.h"

static inline void assert_ok(struct error *error)
{
    if (!error)
        return;
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    fail_msg("%s", text.at);
}

static inline void assert_error(struct error *error, int code, const char *part)
{
    assert_non_null(error);
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    if (!strstr(text.at, part) || error->code != code)
        fail_msg("code %d, text: %s", error->code, text.at);
    error_drop(error);
}
