/* Names and paths that come from users, locks and remotes: one checker for all. Pure text; nothing
 * here looks at the disk. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/codec/digest.h"

/* NULL if `name` may name a stage, else what is wrong, to be put behind the name ("ends in a
 * blank"). Native: [A-Za-z0-9_] then [A-Za-z0-9_.@/ -], no blank at the end, at most
 * LIMIT_NAME_BYTES; the dvc dialect takes any printable UTF-8 without control, bidi or zero-width
 * characters, of LIMIT_DVC_NAME_BYTES, and so does what foreach and matrix add to a name. */
const char *name_fault(struct str name, bool is_dvc);

/* Joins `path` to `base` (both relative to the project root, "" = the root) and normalises: no
 * empty part, no ".", ".." folded. Absolute paths stay absolute (normalised). False if it leaves
 * the project root upwards; then *ret_path starts with "..". "" means the root itself. */
bool path_resolve(struct arena *arena, struct str base, struct str path, struct str *ret_path);

/* NULL if the text of a path is one the kernel takes and a terminal shows, else what is wrong: NUL
 * or control characters, a part above LIMIT_PATH_PART_BYTES, a whole above LIMIT_PATH_BYTES or
 * LIMIT_PATH_PARTS. All that is asked of a path that is only read. */
const char *path_text_fault(struct str path);

/* NULL if a project-relative, normalised path may be written by mlops, else what is wrong: empty
 * (the project itself), absolute, leaves the project, not normalised, a path_text_fault, or a part
 * that some file system takes for .git or .mlops: after case folding and dropping ignorable code
 * points, blanks and dots at the end or a stream (':...'), or their short names (git~1). */
const char *path_fault(struct str path);

/* A normalised path behind its way out of the project ("../.." or "/"); all of it if it has none.
 * Only what is not stored may lie outside: there mlops never writes. */
struct str path_without_way_out(struct str path);
bool path_is_outside(struct str path);

/* Whether `path` equals `dir` or lies below it (by parts; "" holds what is relative and
 * does not start with ".."). */
bool path_is_within(struct str path, struct str dir);

/* Directory ("" if none) and last part of a path. */
struct str path_directory(struct str path);
struct str path_name(struct str path);

/* A file name for a stage: "<number>-<sanitised, 40>-<8 hex of its hash>". */
struct str name_file(struct arena *arena, size_t number, struct str name);

/* A ULID (https://github.com/ulid/spec): 26 characters of Crockford's base 32, upper case, 48 bits
 * of milliseconds and 80 random bits (given by the caller). */
struct str ulid_print(struct arena *arena, int64_t moment_ns,
                      const unsigned char random[static 10]);
bool ulid_is_valid(struct str text);

/* What people see: the last 8 characters. */
struct str ulid_short(struct str ulid);
