/* Path patterns, bounded: `*` and `?` within a part, `[a-z]` (with `!` or `^` negated,
 * `[:alpha:]`),
 * `**` as a whole part over any number of parts (at the end: at least one), `\` takes the next
 * character literally; names with a leading dot are like others. `?` and sets count code points. A
 * set that is never closed matches nothing. And ignore files in gitignore's grammar. Matching takes
 * at most LIMIT_GLOB_STEPS steps and then answers "no match". */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

/* Whether the text holds any of * ? [ outside of an escape. */
bool glob_is_pattern(struct str text);

/* Whether the whole path (parts separated by one '/') matches. */
bool glob_match(struct str pattern, struct str path);

/* The leading parts without a pattern, without a final '/': "src/lib" of "src/lib/ **". A
 * part with an escape counts as a pattern here; without any pattern it is the whole text. */
struct str glob_prefix(struct str pattern);

/* Whether some path below directory `dir` could match. */
bool glob_may_match_below(struct str pattern, struct str dir);

/* Rules of one ignore file (.mlopsignore, .dvcignore: gitignore's grammar). */
struct ignore_rules;

/* `base` is the directory of the file, relative to the project ("" for its root);
 * both texts are copied. */
struct ignore_rules *ignore_parse(struct arena *arena, struct str base, struct str text);

/* 1 ignored, 0 re-included by '!', -1 no rule speaks; the last matching rule decides. `path` is
 * relative to the project. Only the path itself is judged: what lies below an ignored directory is
 * ignored because a walk does not enter it. */
int ignore_match(const struct ignore_rules *rules, struct str path, bool is_directory);
