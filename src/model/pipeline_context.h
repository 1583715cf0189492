/* What expressions stand for: values that know the file and key they came from, in layers. Private
 * to the pipeline module. Nothing that files share is copied: a layer holds what it adds. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/model/pipeline.h"

struct value_source {
    struct str name; /* as messages show it: "params.yaml", "vars[0]" */
    struct str file; /* relative to the project; empty: the pipeline itself */
};

struct value;
VEC(value_vec, struct value *);

struct value {
    enum doc_kind kind;
    const struct doc_node
        *node; /* NULL: a map or list put together, until value_node asks for it */
    const struct value_source *source;
    const struct value *parent; /* in its file */
    struct str name;            /* in its parent; of a map's child the text of its key */
    struct str path;            /* dotted, once asked for */
    struct value *alias;        /* the value that this one is under another name, or NULL */
    const void *owner;          /* the layer that made this map and may add to it */
    size_t place;               /* in the map that it was last added to */
    bool is_open;               /* its children are there */
    struct value_vec children;
    struct map index; /* name -> struct value *, of large maps */
};

struct value *value_of_node(struct arena *arena, const struct doc_node *node,
                            const struct value_source *source);
/* An empty map or list, to be added to. */
struct value *value_new(struct arena *arena, enum doc_kind kind, const struct value_source *source);
void value_add(struct arena *arena, struct value *to, struct str name, struct value *child);

/* The same value under another name; it still knows where it came from. */
struct value *value_renamed(struct arena *arena, struct value *value, struct str name);

/* Children of a list or map, in order. */
const struct value_vec *value_children(struct arena *arena, struct value *value);

/* A map's value of that name, a list's at that index (negative: from the end), or NULL. */
struct value *value_find(struct arena *arena, struct value *value, struct str word);

/* The whole as a node of a document. */
const struct doc_node *value_node(struct arena *arena, struct value *value);

/* "models.resnet.lr" in its source. */
struct str value_path(struct arena *arena, struct value *value);

/* A file, or keys of it, in a context. */
struct import {
    bool is_whole;
    struct map keys; /* key -> something */
};

struct context {
    struct context *below; /* what it adds to, or NULL */
    struct value *root;    /* a map */
    struct map imports;    /* path -> struct import * */
    int64_t copied;        /* children of maps that it took over to add to them */
    bool reserves;         /* `item` and `key`: nothing above may define them */
};

struct value *context_find(struct arena *arena, const struct context *context, struct str name);
/* What was imported of a file, in the topmost layer that did; whether any layer has the key. */
struct import *context_import(const struct context *context, struct str path);
bool context_imports_key(const struct context *context, struct str path, struct str key);

/* Two values that cannot both be there. */
struct clash {
    struct value *added;
    struct value *existing;
    bool is_reserved; /* `existing` is an `item` or `key` */
};

/* Adds a map's values to the context's own layer; maps that meet are merged. False if a value is
 * there already; then nothing is promised of the context. */
bool context_merge(struct arena *arena, struct context *context, struct value *map,
                   struct clash *ret);
