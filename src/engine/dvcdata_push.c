/* What DVC tracks to where DVC looks for it: files, then the lists that name them. */
#include "mlops/base/buf.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "dvcdata_private.h"

VEC(gift_vec, struct dvc_gift);

/* What is to be sent of one root. */
struct sending {
    const struct transfer_root *root;
    bool is_there;   /* nothing is to be sent */
    bool is_lacking; /* the store does not have all of it */
    struct gift_vec files;
    struct dvc_gift list; /* of a directory's files */
};
VEC(sending_vec, struct sending);

static struct dvc_object object_of(const struct dvc_entry *entry)
{
    return (struct dvc_object){
        .md5 = entry->md5, .is_text_md5 = entry->is_legacy, .is_directory = entry->is_directory};
}

/* --- from where --- */

/* Into the store: from the work tree if that holds it, else from DVC's cache, else it is there
 * since it was fetched. */
static FALLIBLE bring(struct session *session, const struct transfer_root_vec *roots,
                      struct data_record_vec *ret)
{
    struct transfer_root_vec rest = {0};
    struct transfer_report report = {0};
    struct dvcdata_options local = {.is_local = true, .places_commits = true};
    vec_each (const struct transfer_root, root, roots) {
        struct artifact artifact = {0};
        bool is_here = false;
        TRY(import_compare(session, &root->dvc->entry, 1, &is_here));
        if (!is_here) {
            struct transfer_root whole = *root;
            whole.below = (struct str){0};
            *vec_push(session->arena, &rest) = whole;
            continue;
        }
        TRY(worktree_capture(session->worktree, root->dvc->entry->path, &artifact));
        *vec_push(session->arena, ret) =
            (struct data_record){.artifact = artifact, .dvc = root->dvc};
    }
    TRY(cas_flush(session->cas));
    return rest.len ? dvcdata_fetch(session, &rest, &local, ret, &report) : NULL;
}

static FALLIBLE sums_for(struct dvcdata *dvcdata, struct digest digest, const struct sums_row **ret)
{
    bool found = false;
    *ret = sums_of(dvcdata->sums, digest);
    if (*ret)
        return NULL;
    TRY(dvc_cache_sum_object(dvcdata->session->cas, digest, dvcdata->sums, &found));
    *ret = found ? sums_of(dvcdata->sums, digest) : NULL;
    return NULL;
}

static FALLIBLE add_file(struct dvcdata *dvcdata, struct sending *sending,
                         const struct worktree_file *file, struct dvc_file_vec *listed)
{
    const struct dvc_entry *entry = sending->root->dvc->entry;
    const struct sums_row *row = NULL;
    TRY(sums_for(dvcdata, file->digest, &row));
    sending->is_lacking |= !row;
    if (!row)
        return NULL;
    struct md5 md5 = entry->is_legacy ? row->text_md5 : row->md5;
    struct str below = str_slice(file->path, entry->path.len + 1, file->path.len);
    *vec_push(dvcdata->arena, listed) = (struct dvc_file){below, md5};
    *vec_push(dvcdata->arena, &sending->files) =
        (struct dvc_gift){.object = {.md5 = md5, .is_text_md5 = entry->is_legacy},
                          .digest = file->digest,
                          .size_bytes = file->size_bytes};
    return NULL;
}

/* Its list must be the one that DVC made: only then its MD5 is the one that git has. */
static FALLIBLE prepare_directory(struct dvcdata *dvcdata, struct sending *sending,
                                  const struct artifact *artifact)
{
    const struct dvc_entry *entry = sending->root->dvc->entry;
    struct worktree_file *files = NULL;
    struct dvc_file_vec listed = {0};
    struct buf bytes = buf_in(dvcdata->arena);
    size_t count = 0;
    bool is_known = false;
    TRY(tree_list_files(dvcdata->session->cas, dvcdata->arena, artifact, SIZE_MAX, &files, &count,
                        &is_known));
    sending->is_lacking = !is_known;
    for (size_t i = 0; i < count && !sending->is_lacking; i++)
        TRY(add_file(dvcdata, sending, &files[i], &listed));
    dvc_manifest_print(&listed, &bytes);
    sending->list = (struct dvc_gift){.object = object_of(entry), .bytes = buf_str(&bytes)};
    sending->is_lacking |= !md5_equal(md5_of(bytes.at, bytes.len), entry->md5);
    return NULL;
}

/* A file may have changed since it was compared: what is sent is looked at, not what it came from.
 */
static FALLIBLE prepare_file(struct dvcdata *dvcdata, struct sending *sending,
                             const struct artifact *artifact)
{
    struct dvc_object object = object_of(sending->root->dvc->entry);
    const struct sums_row *row = NULL;
    if (artifact->kind == ARTIFACT_FILE)
        TRY(sums_for(dvcdata, artifact->digest, &row));
    sending->is_lacking = !row || !dvc_object_is(&object, row);
    *vec_push(dvcdata->arena, &sending->files) =
        (struct dvc_gift){.object = object, .digest = artifact->digest};
    return NULL;
}

static FALLIBLE prepare(struct dvcdata *dvcdata, struct sending *sending,
                        const struct data_record_vec *here)
{
    const struct dvc_entry *entry = sending->root->dvc->entry;
    const struct artifact *artifact = NULL;
    vec_each (const struct data_record, record, here)
        if (record->dvc == sending->root->dvc)
            artifact = &record->artifact;
    sending->is_lacking = !artifact;
    if (!artifact)
        return NULL;
    return entry->is_directory ? prepare_directory(dvcdata, sending, artifact)
                               : prepare_file(dvcdata, sending, artifact);
}

/* --- to where --- */

/* A list is sent after what it names: where it lies, all of it does. */
static FALLIBLE find_there(struct dvcdata *dvcdata, struct sending *sending)
{
    const struct dvc_tracked *tracked = sending->root->dvc;
    struct dvc_look look = {.object = object_of(tracked->entry)};
    struct dvc_depot *depot = NULL;
    TRY(dvcdata_depot(dvcdata, tracked->remote, tracked->entry->path, &depot));
    TRY(dvc_depot_look(depot, &look, 1));
    sending->is_there = look.is_there;
    return NULL;
}

static FALLIBLE give(struct dvcdata *dvcdata, struct sending *sending, struct dvc_gift *gifts,
                     size_t count)
{
    const struct dvc_tracked *tracked = sending->root->dvc;
    struct dvc_depot *depot = NULL;
    TRY(signal_check());
    TRY(dvcdata_depot(dvcdata, tracked->remote, tracked->entry->path, &depot));
    TRY(dvc_depot_give(depot, gifts, count));
    for (size_t i = 0; i < count; i++) {
        sending->is_lacking |= gifts[i].health != DVC_GOOD;
        dvcdata->report.counts.objects += gifts[i].is_new;
        dvcdata->report.counts.bytes += gifts[i].is_new ? gifts[i].size_bytes : 0;
    }
    return NULL;
}

static FALLIBLE send(struct dvcdata *dvcdata, struct sending *sending)
{
    if (!sending->is_there && !sending->is_lacking)
        TRY(give(dvcdata, sending, sending->files.at, sending->files.len));
    if (!sending->is_there && !sending->is_lacking && sending->list.bytes.len)
        TRY(give(dvcdata, sending, &sending->list, 1));
    if (!sending->is_there && sending->is_lacking)
        *vec_push(dvcdata->arena, &dvcdata->report.missing) = *sending->root;
    return NULL;
}

static FALLIBLE look_there(struct dvcdata *dvcdata, const struct transfer_root_vec *roots,
                           struct sending_vec *ret, struct transfer_root_vec *ret_lacking)
{
    vec_each (const struct transfer_root, root, roots) {
        struct sending *sending = vec_push(dvcdata->arena, ret);
        *sending = (struct sending){.root = root};
        TRY(signal_check());
        TRY(find_there(dvcdata, sending));
        if (!sending->is_there)
            *vec_push(dvcdata->arena, ret_lacking) = *root;
    }
    return NULL;
}

FALLIBLE dvcdata_push(struct session *session, const struct transfer_root_vec *roots,
                      const struct dvcdata_options *options, struct transfer_report *ret)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    struct sending_vec sendings = {0};
    struct transfer_root_vec lacking = {0};
    struct data_record_vec here = {0};
    TRY(dvcdata_open(session, options, &dvcdata));
    TRY(look_there(&dvcdata, roots, &sendings, &lacking));
    TRY(bring(session, &lacking, &here));
    dvcdata.sums = sums_open(session->arena, session->index);
    vec_each (struct sending, sending, &sendings) {
        if (!sending->is_there)
            TRY(prepare(&dvcdata, sending, &here));
        TRY(send(&dvcdata, sending));
    }
    sums_save(dvcdata.sums);
    dvcdata_count(&dvcdata, roots->len);
    *ret = dvcdata.report;
    return NULL;
}

/* --- where things are --- */

static FALLIBLE is_here(struct dvcdata *dvcdata, const struct dvc_tracked *tracked, bool *ret)
{
    struct dvc_object object = object_of(tracked->entry);
    struct dvc_file_vec files = {0};
    enum dvc_health health = DVC_MISSING;
    int64_t bytes = 0;
    TRY(import_compare(dvcdata->session, &tracked->entry, 1, ret));
    if (!*ret && tracked->is_known && dvcdata->session->cas)
        TRY(worktree_can_restore(dvcdata->session->worktree, &tracked->artifact, ret));
    if (*ret)
        return NULL;
    if (!object.is_directory)
        return dvc_cache_has(&dvcdata->cache, &object, &bytes, ret);
    TRY(dvc_cache_manifest(&dvcdata->cache, dvcdata->arena, &object, &files, &health));
    *ret = health == DVC_GOOD;
    for (size_t i = 0; i < files.len && *ret; i++) {
        struct dvc_object inner = {.md5 = files.at[i].md5, .is_text_md5 = object.is_text_md5};
        TRY(dvc_cache_has(&dvcdata->cache, &inner, &bytes, ret));
    }
    return NULL;
}

FALLIBLE dvcdata_compare(struct session *session, const struct transfer_root_vec *roots,
                         const struct dvcdata_options *options, struct transfer_state *ret,
                         struct str *ret_remotes)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    TRY(dvcdata_open(session, options, &dvcdata));
    for (size_t i = 0; i < roots->len; i++) {
        struct sending sending = {.root = &roots->at[i]};
        const struct artifact *artifact = &roots->at[i].artifact;
        bool here = false;
        TRY(find_there(&dvcdata, &sending));
        TRY(is_here(&dvcdata, roots->at[i].dvc, &here));
        bool there = sending.is_there;
        ret[i] = (struct transfer_state){.place = here && there ? PLACE_BOTH
                                                  : here        ? PLACE_HERE
                                                  : there       ? PLACE_THERE
                                                                : PLACE_NOWHERE,
                                         .here_objects = here && !there,
                                         .here_bytes = here && !there ? artifact->size_bytes : 0,
                                         .there_objects = there && !here,
                                         .there_bytes = there && !here ? artifact->size_bytes : 0,
                                         .lost_objects = !here && !there,
                                         .lost_bytes = !here && !there ? artifact->size_bytes : 0};
        ret_remotes[i] = dvcdata_remote_name(&dvcdata, roots->at[i].dvc->remote);
    }
    return NULL;
}
