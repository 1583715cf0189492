/* Patterns: first line the pattern, second the path, the rest an ignore file. A match implies that
 * the path's folders could have been entered and that the literal prefix is where it says. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/glob.h"

#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str rest = {size ? (const char *)data : "", size};
    struct str pattern = {0};
    struct str path = {0};
    str_split(&rest, '\n', &pattern);
    str_split(&rest, '\n', &path);
    struct str prefix = glob_prefix(pattern);
    bool matches = glob_match(pattern, path);
    ptrdiff_t cut = str_find_last_char(path, '/');
    if (matches && cut > 0)
        check(glob_may_match_below(pattern, str_slice(path, 0, (size_t)cut)));
    if (matches)
        check(str_starts(path, prefix));
    if (!glob_is_pattern(pattern) && str_find_char(pattern, '\\') < 0)
        check(matches == str_equal(pattern, path) || (!pattern.len && !path.len));
    const struct ignore_rules *rules = ignore_parse(&arena, STR(""), rest);
    check(ignore_match(rules, path, false) <= 1);
    check(ignore_match(rules, path, true) >= -1);
    return 0;
}
