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

/* Sorted by section (in the order above), then name. Pure; of equal ones nothing. What a side does
 * not know is no difference: packages without an interpreter, all that records of the first format
 * lack. Names in "interpreter": manager, name, path, version; in "machine": those of JSON. */
void environment_diff(struct arena *arena, const struct environment *before,
                      const struct environment *after, struct environment_changes *ret);

/* Sorts by name; of equal names the first stays. For whoever makes an environment. */
void environment_items_sort(struct arena *arena, struct environment_items *items);

/* The value of a name in sorted items; empty: none. */
struct str environment_item_find(const struct environment_items *items, struct str name);

/* What decides whether a stage that says `environment: true` runs again: operating system,
 * platform, interpreter with its version, packages. Not where they lie, nor what changes without
 * changing results (kernel, memory, PATH). Appends bytes as environment_encode does. */
void environment_key(const struct environment *environment, struct buf *out);

/* "python 3.11.2 (venv), 93 packages"; "no interpreter". */
struct str environment_print(struct arena *arena, const struct environment *environment);

/* One object with all of it, names as in the struct; lists as objects of name and value. */
struct json_writer;
void environment_write(const struct environment *environment, struct json_writer *json);
