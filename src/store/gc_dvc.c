/* What `.dvc` files and dvc.lock name by MD5, as far as it is known here what that is. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/doc.h"
#include "mlops/codec/md5.h"
#include "mlops/model/name.h"
#include "mlops/store/imported.h"
#include "mlops/store/sums.h"

#include "gc_private.h"

#define OUTS STR("outs")

bool gc_is_of_dvc(struct str path)
{
    struct str name = path_name(path);
    return str_is(name, "dvc.lock") || (name.len > 4 && str_ends(name, STR(".dvc")));
}

void dvc_names_drop(struct dvc_names *names)
{
    digest_set_drop(&names->documents);
    arena_drop(&names->memory);
}

static void add_out(struct dvc_names *names, const struct doc_node *out)
{
    const struct doc_node *field = out->kind == DOC_MAP ? doc_find(out, STR("md5")) : NULL;
    struct md5 md5;
    if (!field || !md5_parse(str_slice(field->text, 0, MIN_OF(field->text.len, MD5_HEX_LEN)), &md5))
        return;
    map_put(&names->memory, &names->md5s,
            str_copy(&names->memory, (struct str){(const char *)md5.at, sizeof md5.at}), names);
}

static void add_outs(struct dvc_names *names, const struct doc_node *holder)
{
    const struct doc_node *outs = holder->kind == DOC_MAP ? doc_find(holder, OUTS) : NULL;
    for (const struct doc_node *out = outs && outs->kind == DOC_LIST ? outs->first : NULL; out;
         out = out->next)
        add_out(names, out);
}

/* A stage that dvc.yaml does not have any more is named, too: better too much than too little. */
static void add_all(struct dvc_names *names, const struct doc_node *root)
{
    const struct doc_node *stages = root->kind == DOC_MAP ? doc_find(root, STR("stages")) : NULL;
    add_outs(names, root);
    for (const struct doc_node *stage = stages && stages->kind == DOC_MAP ? stages->first : NULL;
         stage; stage = stage->next)
        add_outs(names, stage);
}

FALLIBLE mark_dvc_bytes(struct marks *marks, struct str name, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct doc *doc = NULL;
    struct doc_options options = {
        .dialect = DOC_DVC, .bytes_most = LIMIT_LOCK_BYTES, .huge_is_text = true};
    struct digest document = digest_of(bytes.at, bytes.len);
    if (!marks->dvc || digest_set_has(&marks->dvc->documents, document))
        return NULL;
    struct error *error = doc_parse(&scratch, name, bytes, &options, &doc);
    bool is_of_dvc = str_find(bytes, STR("outs:")) >= 0;
    if (error && (marks->forgives || !is_of_dvc)) {
        error_drop(error);
        return NULL;
    }
    TRY_WITHIN(error, "can't tell what is still needed");
    digest_set_add(&marks->dvc->documents, document);
    add_all(marks->dvc, doc->root);
    return NULL;
}

/* --- what they are here --- */

static FALLIBLE mark_files(struct marks *marks, struct arena *arena,
                           const struct workspace *workspace)
{
    AUTO(index_drop) struct index *index = NULL;
    struct str path = path_join(arena, workspace->index_dir, STR("index.db"));
    TRY(index_open(arena, path.at, true, &index));
    const struct sums *sums = sums_open(arena, index);
    map_each (slot, &marks->dvc->md5s) {
        struct md5 md5;
        memcpy(md5.at, slot->key.at, sizeof md5.at);
        for (int is_text = 0; is_text < 2; is_text++) {
            const struct sums_row *row = sums_by_md5(sums, md5, is_text);
            if (row)
                TRY(mark_object(marks, row->digest));
        }
    }
    return NULL;
}

static FALLIBLE mark_versions(struct marks *marks, struct arena *arena,
                              const struct workspace *workspace)
{
    struct imported imported = {0};
    TRY(imported_load(arena, workspace, &imported));
    map_each (slot, &imported.versions) {
        const struct imported_path *version = slot->value;
        struct str key = {(const char *)version->md5.at, sizeof version->md5.at};
        if (map_has(&marks->dvc->md5s, key))
            TRY(mark_artifact(marks, &version->artifact));
    }
    return NULL;
}

FALLIBLE mark_dvc_names(struct marks *marks, const struct workspace *workspace)
{
    AUTO(arena_drop) struct arena arena = {0};
    if (!marks->dvc->md5s.len)
        return NULL;
    enum mark_rank before = mark_as(marks, MARK_TAGGED); /* DVC's remotes are not asked by evict */
    TRY(mark_files(marks, &arena, workspace));
    TRY(mark_versions(marks, &arena, workspace));
    mark_as(marks, before);
    return NULL;
}
