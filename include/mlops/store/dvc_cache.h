/* DVC's own cache of objects by MD5, read where it lies and, for colleagues who stay with DVC,
 * added to. Layouts: 3.x files/md5/<2>/<30>, 2.x <2>/<30>; a directory is a manifest, its name ends
 * in ".dir". Nothing in it is ever changed or removed. Source: iterative/dvc-data, hashfile/. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/store/cas.h"
#include "mlops/store/sums.h"

struct dvc_object {
    struct md5 md5;
    bool is_text_md5; /* recorded by DVC 2.x: of text with CRLF as LF */
    bool is_directory;
};

/* Whether bytes with these sums are the object. */
bool dvc_object_is(const struct dvc_object *object, const struct sums_row *sums);

enum dvc_health {
    DVC_GOOD,
    DVC_MISSING,
    DVC_DAMAGED, /* its bytes are not what its name says */
};

struct dvc_cache {
    struct str path;   /* absolute */
    struct fd fd;      /* empty: there is none */
    bool is_of_others; /* a remote: no hard links to its files */
};

/* An absent directory gives an empty cache. */
FALLIBLE dvc_cache_open(struct arena *arena, struct str path, struct dvc_cache *ret);
void dvc_cache_drop(struct dvc_cache *cache);

/* Whether it lies there, and its size; its bytes are not looked at. */
FALLIBLE dvc_cache_has(const struct dvc_cache *cache, const struct dvc_object *object,
                       int64_t *ret_bytes, bool *ret_found);

/* Reads an object once, compares its MD5 and puts it into our store (not yet flushed): as a
 * reflink, else as a hard link where nobody else holds or may write it, else as a copy. Safe from
 * pool threads. `sums` is set if it is good. */
struct dvc_taken {
    enum dvc_health health;
    struct sums_row sums;
    bool is_new;    /* our store did not have it */
    bool is_linked; /* ... and has it now without a second copy of the bytes */
};
FALLIBLE dvc_cache_take(const struct dvc_cache *cache, struct cas *cas,
                        const struct dvc_object *object, struct dvc_taken *ret);

/* Reads an object once for both its sums and compares them; nothing is written. Safe from pool
 * threads. */
FALLIBLE dvc_cache_sum(const struct dvc_cache *cache, const struct dvc_object *object,
                       struct dvc_taken *ret);

/* Gives DVC an object of ours (reflink, hard link or copy; mode 0444); fine if it has it. *ret_done
 * false: our store does not have it. */
FALLIBLE dvc_cache_give(const struct dvc_cache *cache, struct cas *cas, struct digest digest,
                        const struct dvc_object *object, bool *ret_done);

/* The files of a directory as DVC lists them, sorted by path. */
struct dvc_file {
    struct str path; /* relative to the directory; checked */
    struct md5 md5;
};
VEC(dvc_file_vec, struct dvc_file);

/* A manifest whose bytes have their MD5, of at most LIMIT_DVC_LIST_BYTES. One that no directory
 * fits (a path that leaves it, or stands twice) is DVC_DAMAGED. */
FALLIBLE dvc_cache_manifest(const struct dvc_cache *cache, struct arena *arena,
                            const struct dvc_object *object, struct dvc_file_vec *ret,
                            enum dvc_health *ret_health);

/* From bytes, which must live as long as the arena: DVC_DAMAGED if they don't have the MD5. */
FALLIBLE dvc_manifest_parse(struct arena *arena, struct str bytes, struct md5 md5,
                            struct dvc_file_vec *ret, enum dvc_health *ret_health);

/* The bytes of a manifest, as DVC writes them; sorts the files. */
void dvc_manifest_print(struct dvc_file_vec *files, struct buf *out);

/* A text as DVC's JSON has it, in quotes. */
void dvc_json_print(struct str text, struct buf *out);

/* Writes a manifest into DVC's cache; fine if it is there. */
FALLIBLE dvc_cache_give_manifest(const struct dvc_cache *cache, struct str bytes, struct md5 md5);

/* Reads an object of our store for both sums. */
FALLIBLE dvc_cache_sum_object(struct cas *cas, struct digest digest, struct sums *sums,
                              bool *ret_found);
