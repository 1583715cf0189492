/* The stat cache: which digest a path had when its stat looked like this. Disposable (index.db,
 * SQLite, synchronous=OFF); a damaged row counts as absent. One row per directory: a checksummed
 * blob of sorted entries. Not for threads. Format: docs/formats.md, "index.db". */
#pragma once

#include "mlops/codec/digest.h"
#include "mlops/host/file.h"

struct index;

/* `path` of the database (NULL: there is none); read_only or an unusable file gives an index in
 * memory. Never fails on a damaged file: it is replaced. */
FALLIBLE index_open(struct arena *arena, const char *path, bool read_only, struct index **ret);

/* Removes a database that is damaged; processes that have it open go on with what they have. */
void index_remove(const char *path);

/* Writes what changed, in one transaction; may be called again. Losing it costs only hashing, so a
 * full disk or another writer is no error. */
FALLIBLE index_save(struct index *index);

/* Closes without writing. */
void index_drop(struct index **index);

/* Reads at once what is known of all directories whose path begins with `prefix` (of all in the
 * project and outside, but not of objects, if it is empty). */
void index_load(struct index *index, struct str prefix);

/* The digest of the file `path` (absolute or project-relative: a stable name) if its stat equals
 * the recorded one and the record is not racy (docs/formats.md, "Racy entries"). */
bool index_find(struct index *index, struct str path, const struct file_stat *stat,
                struct digest *ret);

/* The same for a file of a directory, without building its path. */
bool index_find_at(struct index *index, struct str directory, struct str name,
                   const struct file_stat *stat, struct digest *ret);

/* What is recorded of one directory, for reading only: for threads, which may open views at the
 * same time while nothing else is asked of the index. It lies in `arena` and is not kept. */
struct index_view;
struct index_view *index_view_open(struct index *index, struct arena *arena, struct str directory);

/* As index_find_at; each view for one thread. */
bool index_view_find(struct index_view *view, struct str name, const struct file_stat *stat,
                     struct digest *ret);

/* What is recorded of a path, whatever its file looks like now (device and links are 0). */
bool index_find_record(struct index *index, struct str path, struct file_stat *ret_stat,
                       struct digest *ret);

/* Records a digest for a stat taken both before and after reading. `now_ns` is the time stamp of a
 * file just touched on the same file system (index_now). */
void index_note(struct index *index, struct str path, const struct file_stat *stat,
                struct digest digest, int64_t now_ns);
void index_note_at(struct index *index, struct str directory, struct str name,
                   const struct file_stat *stat, struct digest digest, int64_t now_ns);
void index_forget(struct index *index, struct str path);

/* For who goes through millions of files, directory by directory: from now on no directory is read
 * before it is asked for. Then, now and then while no view is open: writes what was noted and
 * forgets it, with what was read, if that has become much. */
void index_expect_many(struct index *index);
void index_relieve(struct index *index);

/* Time stamp that the file system of `directory_fd` gives to a file touched now; INT64_MAX where
 * every write that follows a stat gets a new stamp, so that nothing is racy; INT64_MIN on a full
 * disk: all is racy, nothing gets recorded. */
FALLIBLE index_now(int directory_fd, int64_t *ret_ns);

/* The time by the clock that stamps files there: the server's on a network file system. */
FALLIBLE index_clock(int directory_fd, int64_t *ret_ns);

/* Derived blobs: parsed forms of files, by kind and key (a digest): "lock", "vcs", "healed",
 * "templates".
 * Checksummed; absent is NULL. */
bool index_blob(struct index *index, struct arena *arena, struct str kind, struct str key,
                struct str *ret);
void index_set_blob(struct index *index, struct str kind, struct str key, struct str blob);
