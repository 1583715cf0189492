/* Shared by the files that write dvc.lock. */
#pragma once

#include "mlops/base/buf.h"

#include "import_private.h"

/* An entry as it will stand in dvc.lock. */
struct export_entry {
    struct str written;
    struct md5 md5;
    bool is_directory, is_executable;
    int64_t size_bytes, file_count;
};

struct export_stage {
    const struct stage *stage;
    const struct recipe *recipe;
    struct export_entry *deps, *outs; /* sorted by path as written */
    size_t dep_count, out_count;
    struct str *param_files; /* as written, parallel to the recipe's */
};

/* A string as DVC writes it; continuation lines begin at `indent`. */
void export_string(struct buf *out, struct str text, int indent);

/* "  name:\n    cmd: ..." */
FALLIBLE export_print_stage(const struct export_stage *stage, struct buf *out);

/* The text of dvc.lock with these stages (name -> text) in place of what it had of them; everything
 * else stays byte for byte. `text` empty: a new file. */
FALLIBLE export_splice(struct arena *arena, struct str name, struct str text,
                       const struct map *stages, struct buf *out);
