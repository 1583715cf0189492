/* The record of what a push relied on: docs/formats.md, "Remotes". */
#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"

#include "transfer_private.h"

static void encode_root(const struct transfer_root *root, struct buf *out)
{
    canon_list(out, 4);
    canon_str(out, root->artifact.path);
    canon_bool(out, root->artifact.kind == ARTIFACT_TREE);
    canon_digest(out, root->artifact.digest);
    canon_int(out, root->artifact.size_bytes);
}

FALLIBLE roots_record(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole)
{
    struct buf bytes = buf_in(arena);
    uint64_t random;
    size_t count = 0;
    for (size_t i = 0; i < roots->len; i++)
        count += whole[i] && !roots->at[i].below.len;
    if (!count)
        return NULL;
    canon_str(&bytes, STR("mlops.roots.1"));
    canon_str(&bytes, workspace->config.project);
    canon_list(&bytes, count);
    for (size_t i = 0; i < roots->len; i++)
        if (whole[i] && !roots->at[i].below.len)
            encode_root(&roots->at[i], &bytes);
    random_bytes(&random, sizeof random);
    return depot_put_file(depot,
                          str_print(arena, "roots/%016llx-%016llx",
                                    (unsigned long long)clock_real_ns(),
                                    (unsigned long long)random),
                          buf_str(&bytes));
}
