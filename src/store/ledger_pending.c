#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "ledger_private.h"

/* A lock file that a transaction has promised and the disk may not hold yet. */
struct pending {
    const char *path;
    struct digest before;
    struct str content;
};
VEC(pending_vec, struct pending);

static FALLIBLE list_pending(struct ledger *ledger, struct arena *arena, struct pending_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT path, before, content FROM pending_lock", ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct pending *pending = vec_push(arena, ret);
        pending->path = str_copy(arena, sql_text(row, 0)).at;
        pending->before = sql_digest(row, 1);
        pending->content = str_copy(arena, sql_blob(row, 2));
    }
}

/* Zero if there is no file. */
static FALLIBLE digest_now(int root_fd, const char *path, struct digest *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(&scratch, root_fd, path, LIMIT_LOCK_BYTES, &bytes, &found));
    *ret = found ? digest_of(bytes.at, bytes.len) : (struct digest){{0}};
    return NULL;
}

FALLIBLE ledger_has_pending(struct ledger *ledger, bool *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT 1 FROM pending_lock LIMIT 1", ""));
    return sql_next(row, ret);
}

/* The directory may be gone, and the pipeline with it: then there is nothing to write. */
static FALLIBLE has_place(struct arena *arena, int root_fd, const char *path, bool *ret)
{
    struct file_stat stat = {0};
    struct str directory = path_directory(str_of(path));
    const char *name = directory.len ? str_terminate(arena, directory) : ".";
    TRY(file_stat_at(root_fd, name, true, &stat, ret));
    *ret = *ret && S_ISDIR(stat.mode);
    return NULL;
}

/* Whoever changed the file since keeps what is there. */
static FALLIBLE write_one(const struct workspace *workspace, const struct pending *pending,
                          bool *ret_written)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int root_fd = fd_number(workspace->root_fd);
    struct digest now = {{0}};
    TRY(digest_now(root_fd, pending->path, &now));
    *ret_written = true;
    if (digest_equal(now, digest_of(pending->content.at, pending->content.len)))
        return NULL; /* the crash fell between the file and the row */
    *ret_written = digest_equal(now, pending->before);
    if (*ret_written)
        TRY(has_place(&scratch, root_fd, pending->path, ret_written));
    if (!*ret_written)
        return NULL;
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(root_fd, pending->path, true, &stat, &found));
    uint32_t mode = found ? stat.mode & 0777 : 0644;
    return workspace_publish(workspace, pending->path, pending->content, mode,
                             workspace->config.durability == DURABILITY_FULL);
}

/* Losing this commit in a power cut does no harm: the row is then met again with the file already
 * in place. So it does without a sync; a killed process does not lose it. */
static FALLIBLE clear(struct ledger *ledger)
{
    bool is_durable = ledger->workspace->config.durability == DURABILITY_FULL;
    if (is_durable)
        TRY(sql_script(ledger->sql, "PRAGMA synchronous=NORMAL"));
    struct error *error = sql_run(ledger->sql, "DELETE FROM pending_lock", "");
    struct error *restored = is_durable ? sql_script(ledger->sql, "PRAGMA synchronous=FULL") : NULL;
    if (!error)
        return restored;
    error_drop(restored);
    return error;
}

FALLIBLE ledger_write_locks(struct ledger *ledger, const struct workspace *workspace,
                            struct arena *arena, struct str_vec *ret_left)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pending_vec list = {0};
    TRY(list_pending(ledger, &scratch, &list));
    vec_each (struct pending, pending, &list) {
        bool written = false;
        TRY_WITHIN(write_one(workspace, pending, &written), "lock file '%s'", pending->path);
        if (!written)
            *vec_push(arena, ret_left) = str_copy(arena, str_of(pending->path));
    }
    return list.len ? clear(ledger) : NULL;
}
