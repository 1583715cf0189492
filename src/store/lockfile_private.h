/* Shared by the files of module lockfile. */
#pragma once

#include "mlops/store/lockfile.h"

/* The keys of an entry, as printed and read. */
#define LOCK_SCHEMA 1
#define LOCK_TAG "mlops.lockcache.1"

/* Names of maps longer than this (as printed) would be no YAML; values nested deeper than this
 * would pass the limit of the document that holds them. */
enum { LOCK_KEY_BYTES = 1000, LOCK_VALUE_DEPTH = 40, LOCK_HEX_CHUNK = 32768 };

/* doc_add_text of a key with its ':'; false also if it is too long. */
bool lock_add_key(struct buf *out, struct str key);

/* A canonical item as a value on one line; false if YAML can't hold it exactly. */
bool lock_add_value(struct buf *out, struct str encoded);

/* A number's text if YAML reads it as that number, else the shortest text that it does. */
void lock_add_number(struct buf *out, struct str text, double value);

/* Reading nodes of the document; errors tell their place. A string may be {hex: "..."}. */
FALLIBLE lock_expect(const struct doc_node *node, enum doc_kind kind);
FALLIBLE lock_unknown_key(const struct doc_node *node, const char *noun);
FALLIBLE lock_read_bool(const struct doc_node *node, bool *ret);
FALLIBLE lock_read_text(struct arena *arena, const struct doc_node *node, struct str *ret);
FALLIBLE lock_read_texts(struct arena *arena, const struct doc_node *node, struct str **ret,
                         size_t *ret_count);

/* An item of `deps` or of `outs`. */
FALLIBLE lock_read_dep(struct arena *arena, const struct doc_node *node, struct recipe_dep *ret);
FALLIBLE lock_read_out(struct arena *arena, const struct doc_node *node, struct artifact *ret);

/* The metrics of an entry in the order they are printed: by file and key, each once. */
struct metric_vec lock_sorted_metrics(struct arena *arena, const struct metric_vec *metrics);
void lock_encode_metrics(const struct metric_vec *metrics, struct buf *out);
FALLIBLE lock_decode_metrics(struct arena *arena, struct canon_reader *reader,
                             struct metric_vec *ret);

/* The parsed form, to be kept by the index. */
void lock_encode(const struct lockfile *lockfile, struct buf *out);
FALLIBLE lock_decode(struct arena *arena, struct str bytes, struct lockfile *ret);
