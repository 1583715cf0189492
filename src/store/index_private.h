/* Shared by the files of module index: what is known of one directory. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/store/index.h"

struct buf;

/* As on the disk: docs/formats.md, "index.db". */
struct index_record {
    uint32_t name_at, name_len;
    uint64_t inode;
    int64_t size_bytes, mtime_ns, ctime_ns;
    uint32_t mode, zero;
    struct digest digest;
};

_Static_assert(sizeof(struct index_record) == 80, "the layout is a format");

struct index_directory {
    struct str path;
    const struct index_record *records; /* borrowed from the blob, ascending by name */
    const char *names;
    size_t count;
    size_t cursor;      /* where the next name is expected: looks come mostly in order */
    struct map changes; /* name -> struct index_change *, in front of the records */
    bool is_changed;    /* since it was written */
};

struct index_change {
    struct index_record record; /* its name fields are unused */
    bool is_gone;
};

struct sql;

/* Opens or makes the database; one that is damaged is made anew. NULL: it can't be had. */
struct sql *index_file_open(const char *path, bool is_read_only);

/* The same after damage was found while it was read. */
struct sql *index_file_renew(const char *path);

/* The sum that blobs carry. */
uint64_t index_sum(struct str bytes);

/* Fills records, names and count from a blob that outlives the directory and is aligned to 16
 * bytes; false if it is damaged. */
bool index_directory_decode(struct str blob, struct index_directory *directory);

/* The blob for records and changes together; false if nothing is left to say. */
bool index_directory_encode(struct index_directory *directory, struct buf *out);

/* The record of a file, or NULL. */
const struct index_record *index_directory_find(struct index_directory *directory, struct str name);
