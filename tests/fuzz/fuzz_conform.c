/* A schema, a line "---", a table: either something is refused, or the violations add up, are in
 * order, and are the same by another number of threads and with keys on the disk. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"
#include "mlops/codec/schema.h"
#include "mlops/data/measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay.h"

static bool bind(struct arena *arena, struct str text, struct table_schema *ret)
{
    struct doc *doc = NULL;
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct error *error = json_parse(arena, STR("fuzz.json"), text, &doc);
    if (!error)
        tableschema_bind(&binder, doc->root, ret);
    if (!error)
        error = error_list_take(&errors);
    bool is_bound = !error;
    error_drop(error);
    return is_bound;
}

static void check_sums(const struct conformity *found)
{
    uint64_t count = 0, warnings = 0;
    for (size_t i = 0; i < found->group_count; i++) {
        const struct violation_group *group = &found->groups[i];
        *(group->is_warning ? &warnings : &count) += group->count;
        check(group->count && group->shown_count == MIN_OF(group->count, (uint64_t)CONFORM_SHOWN));
        for (size_t j = 1; j < group->shown_count; j++)
            check(group->shown[j - 1].row <= group->shown[j].row);
    }
    check(count == found->count && warnings == found->warning_count);
    check(found->all_count == count);
    for (size_t i = 1; i < found->all_count; i++)
        check(found->all[i - 1].row <= found->all[i].row);
}

static bool measure(struct arena *arena, const char *path, const struct table_schema *schema,
                    bool is_other_way, struct measured *ret)
{
    struct measure_options options = {
        .table = {.dialect = dialect_for(STR("fuzz.csv")),
                  .threads = is_other_way ? 2 : 1,
                  .batch_bytes = is_other_way ? 64 : 0},
        .schema = schema,
        .keeps_all = true,
        .no_profile = true,
        .keys = {.memory_bytes = is_other_way},
    };
    struct error *error = measure_table(arena, AT_FDCWD, str_of(path), &options, ret);
    check(!error || error->code == ERROR_PROJECT);
    bool is_measured = !error;
    error_drop(error);
    return is_measured;
}

static void compare(const struct conformity *one, const struct conformity *other)
{
    check(one->all_count == other->all_count && one->group_count == other->group_count);
    for (size_t i = 0; i < one->all_count; i++) {
        const struct violation *left = &one->all[i], *right = &other->all[i];
        check(left->row == right->row && left->field == right->field);
        check(left->type == right->type && left->constraint == right->constraint);
        check(str_equal(left->value, right->value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(measured_drop) struct measured one = {0};
    AUTO(measured_drop) struct measured other = {0};
    struct str bytes = {(const char *)data, size};
    struct table_schema schema = {.name = STR("fuzz.json")};
    ptrdiff_t cut = str_find(bytes, STR("\n---\n"));
    char path[64];
    if (cut < 0 || !bind(&arena, str_slice(bytes, 0, (size_t)cut), &schema))
        return 0;
    bytes = str_slice(bytes, (size_t)cut + 5, size);
    int fd = memfd_create("fuzz.csv", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool is_measured = measure(&arena, path, &schema, false, &one);
    check(measure(&arena, path, &schema, true, &other) == is_measured);
    if (is_measured) {
        check_sums(&one.conformity);
        compare(&one.conformity, &other.conformity);
    }
    close(fd);
    return 0;
}
