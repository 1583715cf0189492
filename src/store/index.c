#include "mlops/store/index.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/vec.h"
#include "mlops/host/sql.h"
#include "mlops/model/name.h"

#include <pthread.h>

#include "index_private.h"

enum {
    LOADS_ONE_BY_ONE = 64, /* beyond, reading all rows in order is cheaper */
    RECORDS_KEPT = 65536,  /* 100 to 200 bytes each; a transaction for as many is cheap */
    DERIVED_KEPT = 8,      /* of each kind: a new one is made for each edit of a lock file */
};

struct derived {
    struct str kind, key, bytes;
};

VEC(derived_vec, struct derived);

/* Directories that were read or noted: of the user's files, which may be millions, or of objects.
 */
struct shelf {
    struct arena memory;
    struct map directories; /* path -> struct index_directory * */
    struct index_directory *last;
};

struct index {
    struct arena memory;   /* of `derived` */
    pthread_mutex_t views; /* while one is opened */
    struct sql *sql;       /* NULL: nothing is kept */
    const char *path;
    bool is_read_only;
    bool has_all;      /* all directories of files have been read */
    bool reads_singly; /* never all directories at once */
    int loads;
    struct shelf files, objects;
    size_t record_count;        /* of files: read or noted since they were relieved last */
    struct derived_vec derived; /* to be written */
};

struct error *index_open(struct arena *arena, const char *path, bool read_only, struct index **ret)
{
    struct index *index = arena_new(arena, struct index);
    check(pthread_mutex_init(&index->views, NULL) == 0);
    index->is_read_only = read_only;
    index->path = path ? str_copy(arena, str_of(path)).at : NULL;
    index->sql = path ? index_file_open(path, read_only) : NULL;
    *ret = index;
    return NULL;
}

void index_drop(struct index **index)
{
    if (!*index)
        return;
    sql_drop(&(*index)->sql);
    pthread_mutex_destroy(&(*index)->views);
    arena_drop(&(*index)->files.memory);
    arena_drop(&(*index)->objects.memory);
    arena_drop(&(*index)->memory);
    *index = NULL;
}

/* A database that fails while it is read or written is as good as none; a damaged one is made anew,
 * or every command from now on would hash everything. */
static void give_up(struct index *index, struct error *error)
{
    if (!error)
        return;
    bool is_damaged = error->code == ERROR_STORED;
    error_drop(error);
    sql_drop(&index->sql);
    if (is_damaged && !index->is_read_only)
        index->sql = index_file_renew(index->path);
}

static bool is_object(struct str path)
{
    return str_starts(path, STR("//"));
}

static struct shelf *shelf_of(struct index *index, struct str path)
{
    return is_object(path) ? &index->objects : &index->files;
}

static struct index_directory *directory_add(struct shelf *shelf, struct str path)
{
    struct index_directory *directory = arena_new(&shelf->memory, struct index_directory);
    directory->path = str_copy(&shelf->memory, path);
    map_put(&shelf->memory, &shelf->directories, directory->path, directory);
    return directory;
}

static void directory_fill(struct arena *arena, struct index_directory *directory,
                           struct str entries)
{
    struct str kept = {arena_copy(arena, entries.at, entries.len), entries.len};
    if (!index_directory_decode(kept, directory))
        directory->count = 0;
}

static FALLIBLE load_rows(struct index *index, struct sql_row *row)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct str path = sql_blob(row, 0);
        struct shelf *shelf = shelf_of(index, path);
        if (!map_has(&shelf->directories, path))
            directory_fill(&shelf->memory, directory_add(shelf, path), sql_blob(row, 1));
    }
}

static FALLIBLE load_files(struct index *index)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(index->sql, &row,
                   "SELECT path, entries FROM directory "
                   "WHERE path < x'2f2f' OR path >= x'2f30'",
                   ""));
    return load_rows(index, row);
}

static FALLIBLE load_prefix(struct index *index, struct str prefix)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(buf_drop) struct buf end = {0};
    buf_add_str(&end, prefix);
    end.at[end.len - 1]++;
    check(end.at[end.len - 1] != 0);
    TRY(sql_select(index->sql, &row,
                   "SELECT path, entries FROM directory "
                   "WHERE path >= ?1 AND path < ?2",
                   "bb", prefix, buf_str(&end)));
    return load_rows(index, row);
}

void index_load(struct index *index, struct str prefix)
{
    if (index->sql)
        give_up(index, prefix.len ? load_prefix(index, prefix) : load_files(index));
    index->has_all = index->has_all || prefix.len == 0;
}

static FALLIBLE load_one(struct index *index, struct arena *arena,
                         struct index_directory *directory)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(index->sql, &row, "SELECT entries FROM directory WHERE path = ?1", "b",
                   directory->path));
    TRY(sql_next(row, &found));
    if (found)
        directory_fill(arena, directory, sql_blob(row, 0));
    return NULL;
}

static bool is_cheaper_whole(const struct index *index, struct str path)
{
    return !is_object(path) && !index->has_all && !index->reads_singly &&
           index->loads >= LOADS_ONE_BY_ONE;
}

static struct index_directory *directory_of(struct index *index, struct str path)
{
    struct shelf *shelf = shelf_of(index, path);
    if (shelf->last && str_equal(shelf->last->path, path))
        return shelf->last;
    struct index_directory *directory = map_get(&shelf->directories, path);
    if (!directory && is_cheaper_whole(index, path)) {
        index_load(index, STR(""));
        directory = map_get(&shelf->directories, path);
    }
    if (!directory) {
        directory = directory_add(shelf, path);
        if (index->sql && (is_object(path) || !index->has_all)) {
            index->loads += !is_object(path);
            give_up(index, load_one(index, &shelf->memory, directory));
            index->record_count += is_object(path) ? 0 : directory->count;
        }
    }
    shelf->last = directory;
    return directory;
}

static bool is_same(const struct index_record *record, const struct file_stat *stat)
{
    return record->inode == stat->inode && record->size_bytes == stat->size_bytes &&
           record->mtime_ns == stat->mtime_ns && record->ctime_ns == stat->ctime_ns &&
           record->mode == stat->mode;
}

bool index_find_at(struct index *index, struct str directory, struct str name,
                   const struct file_stat *stat, struct digest *ret)
{
    struct index_directory *known = directory_of(index, directory);
    const struct index_record *record = index_directory_find(known, name);
    if (!record || !is_same(record, stat))
        return false;
    *ret = record->digest;
    return true;
}

struct index_view {
    struct index_directory directory;
};

/* Records and changes are the index's own, if it has them: they stay while there are views. */
struct index_view *index_view_open(struct index *index, struct arena *arena, struct str path)
{
    struct index_view *view = arena_new(arena, struct index_view);
    check(pthread_mutex_lock(&index->views) == 0);
    const struct index_directory *known = map_get(&shelf_of(index, path)->directories, path);
    if (known)
        view->directory = *known;
    else if (index->sql && !index->has_all) {
        view->directory.path = path;
        give_up(index, load_one(index, arena, &view->directory));
    }
    check(pthread_mutex_unlock(&index->views) == 0);
    return view;
}

bool index_view_find(struct index_view *view, struct str name, const struct file_stat *stat,
                     struct digest *ret)
{
    const struct index_record *record = index_directory_find(&view->directory, name);
    if (!record || !is_same(record, stat))
        return false;
    *ret = record->digest;
    return true;
}

bool index_find(struct index *index, struct str path, const struct file_stat *stat,
                struct digest *ret)
{
    return index_find_at(index, path_directory(path), path_name(path), stat, ret);
}

bool index_find_record(struct index *index, struct str path, struct file_stat *ret_stat,
                       struct digest *ret)
{
    struct index_directory *directory = directory_of(index, path_directory(path));
    const struct index_record *record = index_directory_find(directory, path_name(path));
    if (!record)
        return false;
    *ret_stat = (struct file_stat){.inode = record->inode,
                                   .size_bytes = record->size_bytes,
                                   .mtime_ns = record->mtime_ns,
                                   .ctime_ns = record->ctime_ns,
                                   .mode = record->mode};
    *ret = record->digest;
    return true;
}

static struct index_change *change_of(struct index *index, struct index_directory *directory,
                                      struct str name)
{
    struct index_change *change = map_get(&directory->changes, name);
    if (!change) {
        struct shelf *shelf = shelf_of(index, directory->path);
        change = arena_new(&shelf->memory, struct index_change);
        map_put(&shelf->memory, &directory->changes, str_copy(&shelf->memory, name), change);
        index->record_count += shelf == &index->files;
    }
    directory->is_changed = true;
    return change;
}

static void forget_in(struct index *index, struct index_directory *directory, struct str name)
{
    if (index_directory_find(directory, name))
        change_of(index, directory, name)->is_gone = true;
}

void index_forget(struct index *index, struct str path)
{
    forget_in(index, directory_of(index, path_directory(path)), path_name(path));
}

void index_note_at(struct index *index, struct str directory, struct str name,
                   const struct file_stat *stat, struct digest digest, int64_t now_ns)
{
    struct index_directory *known = directory_of(index, directory);
    const struct index_record *before = index_directory_find(known, name);
    if (MAX_OF(stat->mtime_ns, stat->ctime_ns) >= now_ns) {
        forget_in(index, known, name);
        return;
    }
    if (before && is_same(before, stat) && digest_equal(before->digest, digest))
        return;
    *change_of(index, known, name) =
        (struct index_change){.record = {.inode = stat->inode,
                                         .size_bytes = stat->size_bytes,
                                         .mtime_ns = stat->mtime_ns,
                                         .ctime_ns = stat->ctime_ns,
                                         .mode = stat->mode,
                                         .digest = digest}};
}

void index_note(struct index *index, struct str path, const struct file_stat *stat,
                struct digest digest, int64_t now_ns)
{
    index_note_at(index, path_directory(path), path_name(path), stat, digest, now_ns);
}

static FALLIBLE write_directory(struct index *index, struct index_directory *directory)
{
    AUTO(buf_drop) struct buf entries = {0};
    if (!index_directory_encode(directory, &entries))
        return sql_run(index->sql, "DELETE FROM directory WHERE path = ?1", "b", directory->path);
    return sql_run(index->sql,
                   "INSERT INTO directory(path, entries) VALUES(?1, ?2) "
                   "ON CONFLICT(path) DO UPDATE SET entries = excluded.entries",
                   "bb", directory->path, buf_str(&entries));
}

static FALLIBLE write_derived(struct index *index, const struct derived *derived)
{
    AUTO(buf_drop) struct buf bytes = {0};
    uint64_t sum = index_sum(derived->bytes);
    buf_add(&bytes, &sum, sizeof sum);
    buf_add_str(&bytes, derived->bytes);
    TRY(sql_run(index->sql, "INSERT OR REPLACE INTO derived(kind, key, bytes) VALUES(?1, ?2, ?3)",
                "bbb", derived->kind, derived->key, buf_str(&bytes)));
    return sql_run(index->sql,
                   "DELETE FROM derived WHERE kind = ?1 AND id NOT IN (SELECT id FROM derived "
                   "WHERE kind = ?1 ORDER BY id DESC LIMIT ?2)",
                   "bi", derived->kind, (int64_t)DERIVED_KEPT);
}

static bool shelf_has_changes(const struct shelf *shelf)
{
    map_each (entry, &shelf->directories) {
        const struct index_directory *directory = entry->value;
        if (directory->is_changed)
            return true;
    }
    return false;
}

static FALLIBLE save_shelf(struct index *index, const struct shelf *shelf)
{
    map_each (entry, &shelf->directories) {
        struct index_directory *directory = entry->value;
        if (directory->is_changed)
            TRY(write_directory(index, directory));
    }
    return NULL;
}

static FALLIBLE save(struct index *index)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(index->sql, &transaction));
    TRY(save_shelf(index, &index->files));
    TRY(save_shelf(index, &index->objects));
    vec_each (struct derived, derived, &index->derived)
        TRY(write_derived(index, derived));
    return sql_commit(&transaction);
}

static void settle_shelf(const struct shelf *shelf)
{
    map_each (entry, &shelf->directories)
        ((struct index_directory *)entry->value)->is_changed = false;
}

struct error *index_save(struct index *index)
{
    bool has_changes = index->derived.len || shelf_has_changes(&index->files) ||
                       shelf_has_changes(&index->objects);
    if (!index->sql || index->is_read_only || !has_changes)
        return NULL;
    struct error *error = save(index);
    if (error && error->code == ERROR_STORED)
        give_up(index, error);
    else
        error_drop(error);
    settle_shelf(&index->files);
    settle_shelf(&index->objects);
    index->derived.len = 0;
    return NULL;
}

void index_expect_many(struct index *index)
{
    index->reads_singly = true;
}

void index_relieve(struct index *index)
{
    if (index->record_count < RECORDS_KEPT || !index->sql || index->is_read_only)
        return;
    error_drop(index_save(index));
    arena_drop(&index->files.memory);
    index->files = (struct shelf){0};
    index->record_count = 0;
    index->has_all = false;
    index->reads_singly = true;
}

static FALLIBLE read_derived(struct index *index, struct arena *arena, struct str kind,
                             struct str key, struct str *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    *ret = (struct str){0};
    TRY(sql_select(index->sql, &row, "SELECT bytes FROM derived WHERE kind = ?1 AND key = ?2", "bb",
                   kind, key));
    TRY(sql_next(row, &found));
    uint64_t sum = 0;
    struct str bytes = found ? sql_blob(row, 0) : (struct str){0};
    if (bytes.len < sizeof sum)
        return NULL;
    memcpy(&sum, bytes.at, sizeof sum);
    struct str body = str_slice(bytes, sizeof sum, bytes.len);
    if (sum == index_sum(body))
        *ret = str_copy(arena, body);
    return NULL;
}

bool index_blob(struct index *index, struct arena *arena, struct str kind, struct str key,
                struct str *ret)
{
    struct str bytes = {0};
    if (index->sql)
        give_up(index, read_derived(index, arena, kind, key, &bytes));
    if (bytes.at)
        *ret = bytes;
    return bytes.at != NULL;
}

void index_set_blob(struct index *index, struct str kind, struct str key, struct str blob)
{
    if (!index->sql || index->is_read_only)
        return;
    *vec_push(&index->memory, &index->derived) =
        (struct derived){str_copy(&index->memory, kind), str_copy(&index->memory, key),
                         str_copy(&index->memory, blob)};
}
