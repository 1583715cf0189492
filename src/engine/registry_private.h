/* Between the files of module registry. */
#pragma once

#include "mlops/engine/registry.h"
#include "mlops/engine/transfer.h"

/* What a path of the repository is, and what has to travel for it. */
struct registry_found {
    struct artifact artifact; /* its path is of the repository */
    struct transfer_root_vec roots;
};

/* ERROR_PROJECT: nothing of that name. *ret_known false: our store lacks the place to find out. */
FALLIBLE registry_find(struct registry *registry, struct str path, struct registry_found *ret,
                       bool *ret_known);

/* A path of the repository as its project calls it; false: it lies outside of the project. */
bool registry_inside(const struct registry *registry, struct str path, struct str *ret);

/* Whether git's file at a path of the repository belongs to what others see of a directory. */
bool registry_is_shown(struct str path);

/* Everything, or the trees only, of what our store lacks. ERROR_ANSWER: something is nowhere. */
FALLIBLE registry_fetch(struct registry *registry, const struct transfer_root_vec *roots,
                        bool only_trees);

/* The trees that it takes to look into a record (at `path` of the project; "" = all of it). */
FALLIBLE registry_fetch_trees(struct registry *registry, const struct data_record *record,
                              struct str path);

/* The error when no remote has it. */
FALLIBLE registry_nowhere(const struct registry *registry, struct str named_by);

/* What there is that is called alike. */
FALLIBLE registry_nothing_there(struct registry *registry, struct str path);

/* A project's path as the repository's. */
struct str registry_outside(const struct registry *registry, struct str path);

/* A record as a root of a transfer; `below`: the part of it, or empty. */
struct transfer_root registry_root_of(const struct data_record *record, struct str below);

/* --- of DVC --- */

/* Whether something DVC tracks there is to be fetched before it can be looked into. */
bool registry_lacks_dvc(const struct registry *registry, const struct data_record *record);

/* Brings it, or the part of it at `inside`, into our store. */
FALLIBLE registry_take_dvc(struct registry *registry, const struct data_record *record,
                           struct str inside, struct artifact *ret, bool *ret_found);

/* The files of a directory, as paths of the project. Only the list is fetched. */
FALLIBLE registry_list_dvc(struct registry *registry, const struct data_record *record,
                           struct str_vec *ret);
