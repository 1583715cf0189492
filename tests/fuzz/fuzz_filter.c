/* Filters of runs, parsed and asked of a row whose values are of the type that the first byte says.
 */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/model/filter.h"

#include "replay.h"

static bool read_moment(struct str text, int64_t *ret_from, int64_t *ret_until)
{
    *ret_until = *ret_from = (int64_t)text.len * NS_PER_S;
    return text.len < 20;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct filter_choice choices[] = {{"a", "b"}, {"c", "c"}, {NULL, NULL}};
    static const struct filter_value rows[] = {{0.5, {0}}, {1, STR_ROW("true")}};
    AUTO(arena_drop) struct arena arena = {0};
    if (size == 0)
        return 0;
    struct filter filter;
    struct str text = {(const char *)data + 1, size - 1};
    struct error *error = filter_parse(&arena, "fuzz", text, &filter);
    vec_each (struct filter_key, key, &filter.keys) {
        key->type = (enum filter_type)(data[0] % (FILTER_CHOICE + 1));
        key->choices = choices;
    }
    if (!error)
        error = filter_bind(&arena, &filter, read_moment);
    const struct filter_value **columns =
        arena_new_array(&arena, const struct filter_value *, filter.keys.len + 1);
    for (size_t i = 0; i < filter.keys.len; i++)
        columns[i] = rows;
    for (size_t row = 0; !error && row < COUNT_OF(rows); row++)
        (void)filter_holds(&filter, columns, row);
    error_drop(error);
    return 0;
}
