#include "mlops/store/exchange.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exchange_private.h"

/* .mlops/exchange/next is being written, .mlops/exchange/now is to be done: the rename between them
 * decides. */
#define EXCHANGE_LOCK "locks/exchange"
#define EXCHANGE_NEXT "exchange/next"
#define EXCHANGE_NOW "exchange/now"

static bool is_link_mode(uint32_t mode)
{
    return mode == 0120000;
}

static const char *inner(struct arena *arena, const char *folder, size_t number)
{
    return str_print(arena, "%s/%zu", folder, number).at;
}

struct error *exchange_digest(const struct workspace *workspace, struct str path,
                              struct digest *ret)
{
    AUTO(arena_drop) struct arena arena = {0};
    int root = fd_number(workspace->root_fd);
    const char *name = str_terminate(&arena, path);
    struct file_stat stat;
    struct str bytes = {0};
    bool found = false;
    *ret = (struct digest){{0}};
    TRY(file_stat_at(root, name, false, &stat, &found));
    if (!found)
        return NULL;
    if (S_ISLNK(stat.mode))
        TRY(walk_link(&arena, root, name, &bytes));
    else if (S_ISREG(stat.mode) && stat.size_bytes > LIMIT_EXCHANGE_BYTES)
        bytes = str_print(&arena, "%lld bytes of %lld", (long long)stat.size_bytes,
                          (long long)stat.mtime_ns);
    else if (S_ISREG(stat.mode))
        TRY(file_read(&arena, root, name, LIMIT_EXCHANGE_BYTES, &bytes, &found));
    else
        bytes = STR("a directory, or something else that is no file");
    *ret = digest_of(bytes.at, bytes.len);
    return NULL;
}

/* --- beginning --- */

static FALLIBLE write_new(int state, struct arena *arena, const struct exchange *exchange,
                          size_t number)
{
    if (!exchange->mode)
        return NULL;
    uint32_t mode = exchange->mode == 0100755 ? 0755 : 0644;
    return file_publish(state, inner(arena, EXCHANGE_NEXT, number), exchange->bytes, mode, true);
}

static FALLIBLE begin(const struct workspace *workspace, struct arena *arena,
                      const struct exchange_journal *journal)
{
    int state = fd_number(workspace->state_fd);
    struct buf text = buf_in(arena);
    TRY(path_remove(state, EXCHANGE_NEXT));
    TRY(directory_make(state, EXCHANGE_NEXT, true));
    for (size_t i = 0; i < journal->count; i++)
        TRY(write_new(state, arena, &journal->all[i], i));
    exchange_encode(journal, &text);
    TRY(file_publish(state, EXCHANGE_NEXT "/journal", buf_str(&text), 0644, true));
    if (renameat(state, EXCHANGE_NEXT, state, EXCHANGE_NOW) != 0)
        return error_os(errno, "cannot begin to change files of the work tree");
    return directory_sync(state, "exchange");
}

/* --- doing --- */

static FALLIBLE put_link(struct exchange_doing *doing, const struct exchange *exchange,
                         struct str target)
{
    int root = fd_number(doing->workspace->root_fd);
    struct str temp =
        str_print(doing->arena, "%.*s" TEMP_PREFIX_BESIDE "link", STR_FMT(exchange->path));
    TRY(path_remove(root, temp.at));
    if (symlinkat(str_terminate(doing->arena, target), root, temp.at) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(exchange->path));
    if (renameat(root, temp.at, root, str_terminate(doing->arena, exchange->path)) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(exchange->path));
    return NULL;
}

/* The new file by rename; on another file system it is written anew. */
static FALLIBLE put(struct exchange_doing *doing, const struct exchange *exchange, const char *from)
{
    int state = fd_number(doing->workspace->state_fd);
    int root = fd_number(doing->workspace->root_fd);
    const char *path = str_terminate(doing->arena, exchange->path);
    struct str bytes = {0};
    bool found = false;
    if (!is_link_mode(exchange->mode) && renameat(state, from, root, path) == 0)
        return NULL;
    TRY(file_read(doing->arena, state, from, LIMIT_EXCHANGE_BYTES, &bytes, &found));
    if (!found)
        return error_new(ERROR_STORED, "'%s' is gone from .mlops", from);
    if (is_link_mode(exchange->mode))
        TRY(put_link(doing, exchange, bytes));
    else
        TRY(file_publish(root, path, bytes, exchange->mode == 0100755 ? 0755 : 0644, true));
    return path_remove(state, from);
}

/* Killed between the two, the new file lies there, too. */
static FALLIBLE is_put(struct exchange_doing *doing, const char *from, struct digest now, bool *ret)
{
    struct str bytes = {0};
    TRY(file_read(doing->arena, fd_number(doing->workspace->state_fd), from, LIMIT_EXCHANGE_BYTES,
                  &bytes, ret));
    *ret = *ret && digest_equal(digest_of(bytes.at, bytes.len), now);
    return NULL;
}

/* What lies there goes: it is what was seen before, or it is kept aside. */
static FALLIBLE clear(struct exchange_doing *doing, const struct exchange *exchange,
                      struct digest now)
{
    int root = fd_number(doing->workspace->root_fd);
    struct file_stat stat;
    bool found = false;
    const char *path = str_terminate(doing->arena, exchange->path);
    if (digest_is_zero(now))
        return NULL;
    if (!digest_equal(now, exchange->before))
        return exchange_displace(doing, exchange->path);
    TRY(file_stat_at(root, path, false, &stat, &found));
    bool is_replaced = exchange->mode && found && !S_ISDIR(stat.mode);
    return is_replaced ? NULL : path_remove(root, path); /* a file is replaced at once */
}

/* A file where a directory is needed was not seen before. */
static FALLIBLE make_way(struct exchange_doing *doing, struct str above)
{
    int root = fd_number(doing->workspace->root_fd);
    for (size_t end = 1; end <= above.len; end++) {
        if (end < above.len && above.at[end] != '/')
            continue;
        struct str part = str_slice(above, 0, end);
        struct file_stat stat;
        bool found = false;
        TRY(file_stat_at(root, str_terminate(doing->arena, part), false, &stat, &found));
        if (found && S_ISREG(stat.mode))
            TRY(exchange_displace(doing, part));
    }
    return above.len ? directory_make(root, str_terminate(doing->arena, above), false) : NULL;
}

static FALLIBLE do_write(struct exchange_doing *doing, const struct exchange *exchange,
                         size_t number)
{
    int state = fd_number(doing->workspace->state_fd);
    int root = fd_number(doing->workspace->root_fd);
    const char *from = inner(doing->arena, EXCHANGE_NOW, number);
    struct str above = path_directory(exchange->path), link = {0};
    struct file_stat stat;
    struct digest now;
    bool found = false, done = false;
    TRY(file_stat_at(state, from, false, &stat, &found));
    if (!found) /* it is in place already */
        return NULL;
    TRY(exchange_find_link(doing, above, &link));
    if (link.len)
        TRY(exchange_displace(doing, link));
    TRY(exchange_digest(doing->workspace, exchange->path, &now));
    if (!digest_equal(now, exchange->before))
        TRY(is_put(doing, from, now, &done));
    if (!done)
        TRY(clear(doing, exchange, now));
    TRY(make_way(doing, above));
    TRY_WITHIN(put(doing, exchange, from), "writing '%.*s'", STR_FMT(exchange->path));
    return directory_sync(root, above.len ? str_terminate(doing->arena, above) : ".");
}

/* Only files go: a directory there may be what this exchange has made before it was killed. */
static FALLIBLE do_remove(struct exchange_doing *doing, const struct exchange *exchange)
{
    int root = fd_number(doing->workspace->root_fd);
    struct str above = path_directory(exchange->path), link = {0};
    struct file_stat stat;
    struct digest now;
    bool found = false;
    TRY(exchange_find_link(doing, above, &link));
    TRY(file_stat_at(root, str_terminate(doing->arena, exchange->path), false, &stat, &found));
    if (link.len || (found && S_ISDIR(stat.mode)))
        return NULL;
    TRY(exchange_digest(doing->workspace, exchange->path, &now));
    TRY(clear(doing, exchange, now));
    if (above.len)
        directory_prune(root, str_terminate(doing->arena, above));
    return NULL;
}

/* What goes makes room for what comes. */
static FALLIBLE complete(struct exchange_doing *doing)
{
    const struct exchange_journal *journal = doing->journal;
    int state = fd_number(doing->workspace->state_fd);
    for (size_t i = 0; i < journal->count; i++) {
        if (!journal->all[i].mode)
            TRY(do_remove(doing, &journal->all[i]));
    }
    for (size_t i = 0; i < journal->count; i++) {
        if (journal->all[i].mode)
            TRY(do_write(doing, &journal->all[i], i));
    }
    TRY(directory_sync(fd_number(doing->workspace->root_fd), "."));
    TRY(path_remove(state, EXCHANGE_NOW));
    return directory_sync(state, "exchange");
}

static FALLIBLE load(struct exchange_doing *doing, struct exchange_journal *ret, bool *ret_found)
{
    struct str bytes = {0};
    int state = fd_number(doing->workspace->state_fd);
    TRY(file_read(doing->arena, state, EXCHANGE_NOW "/journal", LIMIT_EXCHANGE_BYTES, &bytes,
                  ret_found));
    if (*ret_found)
        return exchange_decode(doing->arena, bytes, ret);
    return path_remove(state, EXCHANGE_NOW); /* all was done but for the folder */
}

/* With the lock held. */
static FALLIBLE recover(const struct workspace *workspace, size_t *ret_count, int *ret_displaced)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct exchange_journal journal = {0};
    struct exchange_doing doing = {.workspace = workspace, .arena = &arena, .journal = &journal};
    bool found = false;
    TRY(load(&doing, &journal, &found));
    if (found)
        TRY(complete(&doing));
    *ret_count = journal.count;
    *ret_displaced = doing.displaced;
    return NULL;
}

static FALLIBLE take_lock(const struct workspace *workspace, struct lock *ret)
{
    bool taken = false;
    int state = fd_number(workspace->state_fd);
    TRY(directory_make(state, "locks", false));
    TRY(lock_take(state, EXCHANGE_LOCK, LOCK_EXCLUSIVE, workspace->config.lock_timeout_ns, NULL,
                  NULL, ret, &taken));
    return taken ? NULL
                 : error_new(ERROR_MACHINE, "another command has been changing files of the work "
                                            "tree for longer than 'lock_timeout' allows");
}

struct error *exchange_make(const struct workspace *workspace, const struct exchange *exchanges,
                            size_t count, struct str displaced, int *ret_displaced)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(lock_drop) struct lock lock = {0};
    size_t earlier = 0, done = 0;
    int moved = 0;
    *ret_displaced = 0;
    if (!count)
        return NULL;
    struct exchange_journal journal = {.displaced = displaced, .all = exchanges, .count = count};
    TRY(take_lock(workspace, &lock));
    TRY(recover(workspace, &earlier, &moved));
    TRY(begin(workspace, &arena, &journal));
    return recover(workspace, &done, ret_displaced);
}

struct error *exchange_is_begun(const struct workspace *workspace, bool *ret)
{
    struct file_stat stat;
    return file_stat_at(fd_number(workspace->state_fd), EXCHANGE_NOW, false, &stat, ret);
}

struct error *exchange_recover(const struct workspace *workspace, size_t *ret_count)
{
    AUTO(lock_drop) struct lock lock = {0};
    bool is_begun = false;
    int moved = 0;
    *ret_count = 0;
    TRY(exchange_is_begun(workspace, &is_begun));
    if (!is_begun)
        return NULL;
    TRY(take_lock(workspace, &lock));
    return recover(workspace, ret_count, &moved);
}
