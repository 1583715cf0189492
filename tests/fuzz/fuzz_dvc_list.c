/* DVC's list of a directory's files: any bytes are read or damaged; what is read leads below the
 * directory, each path once, and reads the same when it is printed. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"
#include "mlops/store/dvc_cache.h"

#include "replay.h"

static enum dvc_health read_list(struct arena *arena, struct str bytes, struct dvc_file_vec *ret)
{
    enum dvc_health health = DVC_MISSING;
    struct error *error =
        dvc_manifest_parse(arena, bytes, md5_of(bytes.at, bytes.len), ret, &health);
    check(!error);
    return health;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_file_vec files = {0}, again = {0};
    struct buf out = buf_in(&arena);
    if (read_list(&arena, (struct str){(const char *)data, size}, &files) != DVC_GOOD)
        return 0;
    for (size_t i = 0; i < files.len; i++) {
        check(!path_fault(files.at[i].path));
        check(!i || str_compare(files.at[i - 1].path, files.at[i].path) < 0);
    }
    dvc_manifest_print(&files, &out);
    check(read_list(&arena, buf_str(&out), &again) == DVC_GOOD && again.len == files.len);
    return 0;
}
