/* Patches: any bytes give parts or an error; each part applied to any file fits or does not. The
 * input is a file, a NUL, then a patch. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/patch.h"

#include "replay.h"

static void check_inside(struct str whole, struct str part)
{
    if (part.len)
        check(part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str text = {(const char *)data, size}, before = {0};
    struct patch_file_vec files = {0};
    str_split(&text, '\0', &before);
    struct error *error = patch_parse(&arena, text, &files);
    check(!error || !files.len);
    error_drop(error);
    vec_each (const struct patch_file, file, &files) {
        struct str after = {0};
        bool fits = false;
        check(file->path.len && !(file->is_new && file->is_removed));
        check_inside(text, file->hunks);
        patch_apply(&arena, file, before, &after, &fits);
        check(after.len <= before.len + text.len);
    }
    return 0;
}
