/* The tracked lock file beside a pipeline: what each of its stages last used and made; one entry a
 * stage, sorted, one item a line, so git merges it. YAML; format in docs/formats.md, "Lock file".
 * Anchors are refused; a damaged file is an error that names the line (ERROR_PROJECT; a newer
 * schema: ERROR_STORED), never "up to date". */
#pragma once

#include "mlops/base/map.h"
#include "mlops/model/outcome.h"
#include "mlops/store/index.h"
#include "mlops/store/workspace.h"

struct lock_entry {
    struct str stage;
    struct recipe recipe; /* rebuilt from the entry */
    struct digest key;    /* of that recipe */
    struct artifact *outs;
    size_t out_count;
    struct metric_vec metrics;
    bool is_rejected;
    bool is_promised; /* in memory: outputs that are not in place would come from elsewhere (dry
                         runs) */
    bool is_taken;    /* in memory: as another tool's lock has it; ours does not say it yet */
};

struct lockfile {
    struct str path; /* relative to the project */
    struct str project;
    struct digest digest; /* of the file's bytes; zero: no file */
    struct map entries;   /* stage -> struct lock_entry * */
};

/* An absent file gives an empty value; a file that names no project belongs to this one. With
 * `index` the parsed form is cached by digest (a canonical blob), so that 10,000 entries load in a
 * few ms. */
FALLIBLE lockfile_load(struct arena *arena, const struct workspace *workspace, struct index *index,
                       struct str path, struct lockfile *ret);

/* Keeps the parsed form of a lock file (its digest set) in the index: for whoever has just printed
 * one, so that the next command need not parse it. */
void lockfile_remember(struct index *index, const struct lockfile *lockfile);

/* From bytes (a git revision). `name` is for messages. */
FALLIBLE lockfile_parse(struct arena *arena, struct str name, struct str bytes,
                        struct lockfile *ret);

/* What tells states of all lock files of a pipeline apart: the digest of the only one that is
 * there, zero if none is, else SHA-256 over the lines "PATH HEX" of those that are, by path. */
struct digest lockfile_digest_all(const struct lockfile *locks, size_t count);

/* The file's text, deterministic: equal values give equal bytes. */
void lockfile_print(const struct lockfile *lockfile, struct buf *out);
