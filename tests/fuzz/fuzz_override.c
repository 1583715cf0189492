/* Overrides: any word gives an override or an error of usage; printed and parsed again it is the
 * same. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/override.h"

#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct override override = {0}, again = {0};
    struct error *error = override_parse(&arena, (struct str){(const char *)data, size}, &override);
    bool is_fine = !error;
    check(is_fine || error->code == ERROR_USAGE);
    error_drop(error);
    if (!is_fine)
        return 0;
    error = override_parse(&arena, override_print(&arena, &override), &again);
    check(!error);
    check(override.action == again.action && str_equal(override.key, again.key));
    check(str_equal(override.text, again.text));
    check(str_equal(override.file, again.file) || str_is(override.file, "params.yaml"));
    return 0;
}
