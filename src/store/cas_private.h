/* Shared by the files of module cas; cas_read_file also by worktree. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/store/cas.h"

#include <pthread.h>

enum {
    CAS_BUFFER_BYTES = 1048576, /* bigger buffers fall out of the processor's caches */
    CAS_HELD_FDS = 32,          /* puts kept as open files without a name, and synced one by one */
    CAS_PATH_BYTES = 72,        /* "obj/ab/<62 hex>" */
    CAS_NAME_BYTES = 32,
    CAS_TRIES = 3,
};

/* Put and not yet published: an open file without a name, or a name in `temp`. */
struct cas_pending {
    struct digest digest;
    struct fd fd;
    char name[CAS_NAME_BYTES];
    int64_t size_bytes;
};

VEC(cas_pending_vec, struct cas_pending *);
VEC(cas_digest_vec, struct digest);
VEC(cas_buffer_vec, char *);

struct cas {
    struct arena memory;
    const struct workspace *workspace;
    struct index *index;
    int cache_fd; /* of the workspace; -1: there is no store */
    bool is_durable;
    bool has_lost;           /* a flush failed: what the caller knows as put is not all there */
    struct str index_prefix; /* "//obj/": see docs/formats.md, "index.db" */
    pthread_mutex_t mutex;   /* guards all that follows, the index too */
    struct fd tmp_fd;
    struct temp_dir temp; /* made by the first named put */
    uint64_t temp_count;
    int held_fds;
    bool has_no_tmpfile, has_no_reflink, is_warm;
    struct arena pending_memory;
    struct cas_pending_vec pending;
    struct map pending_by_digest;
    struct cas_digest_vec known;   /* put since the last flush, but there already */
    struct cas_digest_vec damaged; /* since open */
    struct cas_buffer_vec buffers; /* free ones */
    struct lock lock;              /* shared, while holds > 0 */
    int holds;
    bool is_putting; /* one of the holds is from the first put until the flush */
    struct fd pins_fd;
    char pins_name[CAS_NAME_BYTES];
};

/* Scoped: AUTO(cas_unlock) struct cas *locked = cas_lock(cas); */
struct cas *cas_lock(struct cas *cas);
void cas_unlock(struct cas **cas);

/* Scoped: 1 MiB from the free ones. */
struct cas_buffer {
    struct cas *cas;
    char *at;
};
struct cas_buffer cas_buffer_take(struct cas *cas);
void cas_buffer_drop(struct cas_buffer *buffer);

/* Path below the cache, and the key in the index. */
void cas_path(struct digest digest, char ret_path[static CAS_PATH_BYTES]);
struct buf cas_index_key(const struct cas *cas, struct digest digest);

/* The stored object, checked as docs/formats.md, "Objects" says. */
FALLIBLE cas_examine(struct cas *cas, struct digest digest, bool is_distrusted,
                     struct file_stat *ret_stat, enum cas_health *ret);

/* Records the stat of a published object. */
void cas_note(struct cas *cas, struct digest digest, const struct file_stat *stat);

/* The object not yet published, or NULL. Call locked. */
struct cas_pending *cas_pending_find(struct cas *cas, struct digest digest);

/* Registers what was put. Call locked. */
void cas_pending_add(struct cas *cas, const struct cas_pending *pending);

/* A new name in `temp`, which is made when first needed. Call locked. */
FALLIBLE cas_temp_name(struct cas *cas, char ret_name[static CAS_NAME_BYTES]);

/* Opens an object, published or not, for reading. */
FALLIBLE cas_open_object(struct cas *cas, struct digest digest, struct fd *ret,
                         struct file_stat *ret_stat, bool *ret_found);

/* Told while bytes are read; may be NULL. */
struct cas_progress {
    void (*tell)(void *context, int64_t bytes);
    /* Gets the bytes themselves; NULL means that reading starts (again). May be NULL itself. */
    void (*listen)(void *context, const char *at, size_t len);
    void *context;
};

/* Reads an open file from its start to its end and hashes it; if sink_fd is not -1, writes it there
 * too, holes as holes. Answers stop signals. */
struct cas_reading {
    int fd;
    const char *name;
    char *buffer; /* CAS_BUFFER_BYTES */
    int sink_fd;
    bool is_sink_synced; /* start writing back early */
    const struct cas_progress *progress;
};
FALLIBLE cas_read(const struct cas_reading *reading, struct digest *ret, int64_t *ret_bytes);

/* Digest of a file in one consistent state; needs no store. Errors name the file. */
FALLIBLE cas_read_file(int at_fd, const char *path, char *buffer,
                       const struct cas_progress *progress, struct cas_put *ret);

/* Whether a file did not change between two stats. */
bool cas_stat_equal(const struct file_stat *a, const struct file_stat *b);

/* A new file in the cache's tmp/; dropping it removes it. */
struct cas_temp {
    struct cas *cas;
    struct fd fd;
    char name[CAS_NAME_BYTES]; /* "": it has none */
};
FALLIBLE cas_temp_open(struct cas *cas, struct cas_temp *ret);
void cas_temp_drop(struct cas_temp *temp);

/* Registers the written file as pending; drops it where another thread was faster. */
FALLIBLE cas_temp_keep(struct cas_temp *temp, struct digest digest, int64_t size_bytes);

/* Makes a file that was read (its stat and digest in `seen`) an object by a hard link; *ret_done
 * false: that can't be done here. Only for files that nobody writes to. */
FALLIBLE cas_adopt(struct cas *cas, int at_fd, const char *path, const struct cas_put *seen,
                   bool *ret_done);

/* Takes the shared lock at the first put since the last flush. */
FALLIBLE cas_begin_put(struct cas *cas);
FALLIBLE cas_hold_locked(struct cas *cas);
void cas_release_locked(struct cas *cas);

/* Whether the object is pending or good; a good one is remembered, to be pinned. */
FALLIBLE cas_is_known(struct cas *cas, struct digest digest, bool *ret);
