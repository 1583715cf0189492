/* From the other project's store on this machine, or from its remotes. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "registry_private.h"

struct transfer_root registry_root_of(const struct data_record *record, struct str below)
{
    return (struct transfer_root){
        .artifact = record->artifact, .named_by = record->named_by, .below = below};
}

/* Those of which our store lacks something. */
static FALLIBLE find_lacking(struct registry *registry, const struct transfer_root_vec *roots,
                             struct transfer_root_vec *ret)
{
    struct arena *arena = registry->session->arena;
    struct transfer_state *states = arena_new_array(arena, struct transfer_state, roots->len + 1);
    *ret = (struct transfer_root_vec){0};
    TRY(transfer_compare(arena, NULL, registry->session->cas, roots, states));
    for (size_t i = 0; i < roots->len; i++)
        if (states[i].lost_objects)
            *vec_push(arena, ret) = roots->at[i];
    return NULL;
}

static void add_counts(struct registry *registry, struct depot_counts counts)
{
    registry->counts.objects += counts.objects;
    registry->counts.bytes += counts.bytes;
    registry->counts.received_bytes += counts.received_bytes;
}

/* --- the store of a project on this machine --- */

/* A store that can't be used, of another user perhaps, is none. */
static FALLIBLE copy_from_store(struct registry *registry, const struct transfer_root_vec *roots,
                                bool only_trees)
{
    AUTO(session_drop) struct session theirs = {0};
    struct session *ours = registry->session;
    struct session_options options = {.is_read_only = true, .observer = ours->observer};
    if (!registry->place.location.len)
        return NULL;
    options.cwd = path_join(ours->arena, registry->place.location, registry->inner);
    struct error *error = session_open_data(ours->arena, &options, &theirs);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    if (error || !theirs.cas || str_equal(theirs.workspace.cache, ours->workspace.cache))
        return NULL;
    theirs.workspace.config.link = LINK_AUTO; /* their objects are not ours, too */
    return transfer_copy(&ours->workspace, theirs.cas, ours->cas, roots, only_trees,
                         &registry->counts);
}

/* --- remotes --- */

static FALLIBLE fetch_from(struct registry *registry, const struct remote *remote,
                           const struct transfer_root_vec *roots, bool only_trees)
{
    AUTO(depot_drop) struct depot *depot = NULL;
    struct session *session = registry->session;
    struct transfer_report report = {0};
    struct depot_options options = {.workspace = &session->workspace,
                                    .cas = session->cas,
                                    .remote = remote,
                                    .observer = session->observer};
    TRY(depot_open(session->arena, &options, &depot));
    if (only_trees)
        return transfer_fetch_trees(session->arena, depot, session->cas, roots);
    TRY(transfer_fetch(session->arena, &session->workspace, depot, session->cas, roots, NULL,
                       &report));
    add_counts(registry, report.counts);
    return NULL;
}

FALLIBLE registry_nowhere(const struct registry *registry, struct str named_by)
{
    struct str url = registry->place.url;
    if (!registry->remotes.len)
        return error_hint(error_new(ERROR_ANSWER,
                                    "the project '%.*s' names no remote that its data could come "
                                    "from",
                                    STR_FMT(url)),
                          "there: mlops remote add NAME URL --default, mlops push, and commit "
                          ".mlops/config.yaml");
    return error_hint(
        error_new(ERROR_ANSWER, "no remote of '%.*s' has what %.*s names at commit %.*s",
                  STR_FMT(url), STR_FMT(named_by), STR_FMT(str_slice(registry->commit, 0, 7))),
        "who has the data: mlops push, in that project");
}

/* One after the other: the first that has it all is enough. */
static FALLIBLE fetch_from_remotes(struct registry *registry, struct transfer_root_vec *lacking,
                                   bool only_trees)
{
    struct error *kept = NULL;
    for (size_t i = 0; i < registry->remotes.len && lacking->len; i++) {
        const struct remote *remote = registry->remotes.at[i];
        struct transfer_root_vec roots = *lacking;
        struct error *error = fetch_from(registry, remote, &roots, only_trees);
        if (error && error->code >= ERROR_SIGNAL) {
            error_drop(kept);
            return error;
        }
        if (error && !kept)
            kept = error;
        else
            error_drop(error);
        if (!error && only_trees)
            break;
        error = find_lacking(registry, &roots, lacking);
        if (error) {
            error_drop(kept);
            return error;
        }
    }
    if (lacking->len && kept)
        return kept;
    error_drop(kept);
    return NULL;
}

FALLIBLE registry_fetch(struct registry *registry, const struct transfer_root_vec *roots,
                        bool only_trees)
{
    struct transfer_root_vec lacking = {0};
    TRY(find_lacking(registry, roots, &lacking));
    if (!lacking.len)
        return NULL;
    TRY(copy_from_store(registry, &lacking, only_trees));
    TRY(find_lacking(registry, roots, &lacking));
    TRY(fetch_from_remotes(registry, &lacking, only_trees));
    return lacking.len && !only_trees ? registry_nowhere(registry, lacking.at[0].named_by) : NULL;
}

/* Whatever the store knows already is not asked for. */
FALLIBLE registry_fetch_trees(struct registry *registry, const struct data_record *record,
                              struct str path)
{
    struct transfer_root_vec roots = {0};
    struct arena *arena = registry->session->arena;
    *vec_push(arena, &roots) = registry_root_of(record, path);
    return registry_fetch(registry, &roots, true);
}

struct error *registry_bring(struct registry *registry, const struct transfer_root *root)
{
    struct transfer_root_vec roots = {0};
    *vec_push(registry->session->arena, &roots) = *root;
    return registry_fetch(registry, &roots, false);
}
