/* Lock files: any bytes are refused with a place or give entries whose text, printed, reads back to
 * the same keys and prints to the same bytes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"
#include "mlops/store/lockfile.h"

#include "replay.h"

static void check_error(struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    check(error->code == ERROR_PROJECT || error->code == ERROR_STORED);
    error_drop(error);
}

static void check_entry(const struct lock_entry *entry)
{
    check(digest_equal(recipe_key(&entry->recipe), entry->key));
    for (size_t i = 0; i < entry->out_count; i++) {
        const struct artifact *out = &entry->outs[i];
        check(out->size_bytes >= 0 && out->file_count >= 0);
        check(!out->is_stored || !path_fault(out->path));
    }
}

static void check_lockfile(struct arena *arena, const struct lockfile *lockfile)
{
    struct buf text = buf_in(arena), again = buf_in(arena);
    struct lockfile back = {0};
    lockfile_print(lockfile, &text);
    struct error *error = lockfile_parse(arena, STR("again.lock"), buf_str(&text), &back);
    check(!error && back.entries.len == lockfile->entries.len);
    map_each (item, &lockfile->entries) {
        const struct lock_entry *entry = item->value, *other = map_get(&back.entries, item->key);
        check_entry(entry);
        check(other && digest_equal(entry->key, other->key));
    }
    lockfile_print(&back, &again);
    check(str_equal(buf_str(&text), buf_str(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {0};
    struct str bytes = {(const char *)data, size};
    struct error *error = lockfile_parse(&arena, STR("fuzz.lock"), bytes, &lockfile);
    if (error)
        check_error(error);
    else
        check_lockfile(&arena, &lockfile);
    return 0;
}
