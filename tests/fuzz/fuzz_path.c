/* Names and paths: first line a folder of the project, second a path in it, the rest a name. A path
 * that may be written is plain, stays inside and is none of the reserved ones. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"

#include <strings.h>

#include "replay.h"

static void check_plain(struct str path)
{
    struct str rest = path;
    struct str part;
    while (str_split(&rest, '/', &part)) {
        check(part.len && !str_is(part, ".") && !str_is(part, ".."));
        check(part.len != 4 || strncasecmp(part.at, ".git", 4) != 0);
        check(part.len != 6 || strncasecmp(part.at, ".mlops", 6) != 0);
    }
    check(str_find_char(path, '\0') < 0);
}

static void check_resolved(struct arena *arena, struct str base, struct str written)
{
    struct str path;
    bool is_inside = path_resolve(arena, base, written, &path);
    bool is_absolute = str_starts(path, STR("/"));
    check(is_inside == (is_absolute || !path_is_within(path, STR(".."))));
    check(path_is_within(path, path_directory(path)) || !is_inside || str_is(path, "/"));
    struct str again;
    check(path_resolve(arena, STR(""), path, &again) == is_inside);
    check(str_equal(path, again));
    if (path_fault(path))
        return;
    check(is_inside && !is_absolute && !path_text_fault(path));
    check_plain(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str rest = {size ? (const char *)data : "", size};
    struct str base = {0};
    struct str path = {0};
    str_split(&rest, '\n', &base);
    str_split(&rest, '\n', &path);
    struct str dir;
    if (path_resolve(&arena, STR(""), base, &dir) && !str_starts(dir, STR("/")))
        check_resolved(&arena, dir, path);
    bool is_native = !name_fault(rest, false);
    check(!is_native || !name_fault(rest, true)); /* DVC's names are freer */
    struct str file = name_file(&arena, size, rest);
    check(!path_fault(file) && str_find_char(file, '/') < 0);
    check(ulid_short(rest).len <= 8);
    check(!ulid_is_valid(rest) || is_native);
    return 0;
}
