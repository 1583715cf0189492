/* What DVC knows becomes what we know: tracked data and the outputs that dvc.lock records are
 * verified against their MD5 and put into the store, stages of dvc.lock become results. DVC's files
 * are only read, but for import_export. Running it again goes on where it was interrupted. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/engine/session.h"

struct import_options {
    bool is_dry; /* says what is there; reads no data and writes nothing */
};

enum import_trouble {
    IMPORT_MISSING,  /* neither in DVC's cache nor in the work tree */
    IMPORT_DAMAGED,  /* DVC's cache holds other bytes under this name */
    IMPORT_UNUSABLE, /* a stage whose recorded inputs or outputs are not known by content */
};

struct import_fault {
    enum import_trouble kind;
    struct str name; /* path, or stage */
    struct str why;
};
VEC(import_fault_vec, struct import_fault);

struct import_report {
    int64_t tracked;                     /* paths of .dvc files */
    int64_t stages, stages_new;          /* recorded in dvc.lock; that became results now */
    int64_t objects, bytes;              /* in DVC's cache, of what is named */
    int64_t objects_new, objects_linked; /* put into the store; without a second copy */
    int64_t missing, damaged, unusable;  /* lengths of their parts of `faults` */
    int64_t files;                       /* export: dvc.lock files that change */
    struct import_fault_vec faults;
};

/* Everything. */
FALLIBLE import_all(struct session *session, const struct import_options *options,
                    struct import_report *ret);

/* The other way: stages that our lock file records are written into dvc.lock as DVC writes them,
 * the objects of their outputs into DVC's cache; all else in dvc.lock stays byte for byte. Stages
 * whose content is not here any more are left as they are (IMPORT_UNUSABLE). */
FALLIBLE import_export(struct session *session, const struct import_options *options,
                       struct import_report *ret);

/* What `run` does by itself: stages of dvc.lock whose files are those of the work tree become known
 * results, and a notice says how many, if the file has changed since the last time (one stat
 * otherwise). `is_dry`: nothing is written, they are known to this session only. Without effect in
 * the native dialect. */
FALLIBLE import_from_lock(struct session *session, bool is_dry);

/* Paths of selected stages that dvc.lock records and nothing here has: if they came, those stages
 * would be up to date. Reads and writes nothing but the work tree's hashes. */
FALLIBLE import_lacking(struct session *session, struct vcs_path_vec *ret);

/* Whether the work tree holds what DVC recorded of each entry; files of the recorded size are read
 * for their MD5 unless it is known. */
struct dvc_entry;
FALLIBLE import_compare(struct session *session, const struct dvc_entry *const *entries,
                        size_t count, bool *ret_same);

/* What a tracked path that is not there would hold when import_bring_back had taken it from DVC's
 * cache, whose objects are read for that; nothing is written. */
struct dvc_entry;
FALLIBLE import_foresee(struct session *session, const struct dvc_entry *entry,
                        struct artifact *ret, bool *ret_found);

/* An input that a `.dvc` file tracks (or a path inside one) and that is missing in the work tree
 * comes back from the store or from DVC's cache. *ret_done false: neither has it. */
FALLIBLE import_bring_back(struct session *session, struct str path, bool *ret_done);
