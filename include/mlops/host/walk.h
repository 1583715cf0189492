/* Listing directories, sorted by name bytes, relative to descriptors. */
#pragma once

#include "mlops/host/file.h"

struct walk_entry {
    struct str name;
    struct file_stat stat; /* of the entry itself (lstat) */
};

struct walk_list {
    struct walk_entry *entries;
    size_t count;
};

/* Entries of one directory without "." and "..", stat'ed unless `names_only`. At most
 * LIMIT_TREE_ENTRIES. Moves the descriptor's position: one thread at a time on one descriptor. With
 * `names_only` stat.mode still holds the kind (S_IFMT) where the file system tells it with the
 * name, else 0. What vanishes between listing and stat is left out. */
FALLIBLE walk_list(struct arena *arena, int directory_fd, bool names_only, struct walk_list *ret);

/* The same of a directory by its path, which must not be a link; one that is not there is empty.
 * *ret_fd, which may be NULL, is the directory. */
FALLIBLE walk_folder(struct arena *arena, int at_fd, const char *path, struct fd *ret_fd,
                     struct walk_list *ret);

/* Adds up the regular files below a directory, as walk_folder sees it, and keeps the latest moment
 * at which anything in it changed. What lies deeper than LIMIT_TREE_DEPTH is not counted. */
struct walk_sum {
    int64_t bytes;
    int64_t newest_ns; /* real time; at least what it was before */
};
FALLIBLE walk_measure(int at_fd, const char *path, struct walk_sum *sum);

/* Calls `visit` with every name of one directory but "." and "..", in the order of the file system,
 * and its kind (S_IFMT bits); nothing is allocated and, where the file system tells kinds with
 * names, nothing stat'ed. Moves the descriptor's position. */
FALLIBLE walk_names(int directory_fd, void (*visit)(void *context, const char *name, uint32_t kind),
                    void *context);

/* Target of a symbolic link. */
FALLIBLE walk_link(struct arena *arena, int directory_fd, const char *name, struct str *ret);
