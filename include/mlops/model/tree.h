/* A directory as a Merkle tree: one object per directory, entries sorted by name bytes. Format:
 * docs/formats.md, "Tree objects". Empty directories are not in it (an artifact lists them apart).
 */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/codec/digest.h"

enum tree_kind {
    TREE_FILE,
    TREE_EXECUTABLE,
    TREE_SYMLINK,   /* digest and size of its target's text, which is an object too */
    TREE_DIRECTORY, /* digest of its tree object, size = bytes of all files below */
};

struct tree_entry {
    struct str name;
    enum tree_kind kind;
    int64_t size_bytes;
    int64_t file_count; /* files below a directory; 1 for others */
    struct digest digest;
};

struct tree {
    struct tree_entry *entries;
    size_t count;
};

/* Entries must be sorted and unique (checked). */
void tree_encode(const struct tree *tree, struct buf *out);

/* Names are checked: not empty, no '/', NUL, "." or "..", not .git or .mlops in any spelling;
 * ERROR_STORED otherwise. Text borrows from `bytes`. */
FALLIBLE tree_decode(struct arena *arena, struct str bytes, struct tree *ret);

/* NULL if an entry may have this name, else what is wrong with it. Control characters and bytes
 * that are no UTF-8 are fine: names are bytes. */
const char *tree_name_fault(struct str name);

/* For qsort. */
int tree_entry_compare(const void *a, const void *b);
