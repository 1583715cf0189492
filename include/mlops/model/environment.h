/* What a stage ran with: the machine, the interpreter that its command uses and the packages
 * installed for it, tools and lock files: plain values, content-addressed in the ledger
 * (docs/formats.md, "Environment"). */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"

/* "numpy" "1.24.2"; a variable and its value; a lock file and its digest in hex; a tool. */
struct environment_item {
    struct str name, value;
};

struct buf;

VEC(environment_items, struct environment_item);

struct environment {
    struct str os, platform, kernel, cpu;
    int64_t cpus, memory_bytes;
    struct str interpreter; /* "python"; empty: none recognised */
    struct str interpreter_path, interpreter_version;
    struct str manager;                 /* "venv", "conda", "system"; empty: none */
    struct environment_items packages;  /* of the interpreter; normalised names, sorted */
    struct environment_items tools;     /* "gcc", "nvcc", "cuda driver", ... sorted */
    struct environment_items lockfiles; /* requirements.txt, uv.lock, poetry.lock, ...: SHA-256 */
    struct environment_items variables; /* PATH, CUDA_VISIBLE_DEVICES, ... */
};

/* Canonical bytes; their SHA-256 names the environment. */
void environment_encode(const struct environment *environment, struct buf *out);

/* Borrows from bytes; also of the format of earlier versions (os, platform, variables only).
 * ERROR_STORED: damaged. */
FALLIBLE environment_decode(struct arena *arena, struct str bytes, struct environment *ret);

/* One difference: "packages" "numpy" "1.24.2" "1.26.0"; empty: absent. */
struct environment_change {
    struct str
        section; /* "interpreter", "packages", "tools", "lockfiles", "variables", "machine" */
    struct str name, before, after;
};

VEC(environment_changes, struct environment_change);

/* Sorted by section (in the order above), then name. Pure; of equal ones nothing. */
void environment_diff(struct arena *arena, const struct environment *before,
                      const struct environment *after, struct environment_changes *ret);
