/* Git repositories of others that were read long ago. */
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/store/mirror.h"

#include "gc_private.h"

FALLIBLE gc_mirrors(struct sweep *sweep)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct mirror_use_vec uses = {0};
    int64_t now_ns = clock_real_ns();
    int64_t before_ns = now_ns - LIMIT_MIRROR_IDLE_DAYS * 24 * 3600 * NS_PER_S;
    TRY(mirror_list(&scratch, &uses));
    vec_each (const struct mirror_use, use, &uses) {
        bool is_gone = use->used_ns <= before_ns;
        if (is_gone && sweep->options->really)
            TRY(mirror_remove(&scratch, use, before_ns, &is_gone));
        if (is_gone)
            gc_items_add(&sweep->items,
                         (struct gc_item){.what = "mirror",
                                          .name = str_copy(sweep->arena, use->directory),
                                          .label = str_copy(sweep->arena, use->url),
                                          .why = STR("not read for long; fetched again when it is"),
                                          .size_bytes = use->size_bytes,
                                          .age_ns = now_ns - use->used_ns});
    }
    return NULL;
}
