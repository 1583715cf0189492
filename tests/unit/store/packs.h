/* Stores with packs, for tests of store/cas. */
#pragma once

/* Small objects in packs. */
#include "mlops/base/buf.h"
#include "mlops/store/cas.h"
#include "mlops/store/pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

enum { MANY = 100 };

static inline struct digest put_number(struct cas *cas, int number)
{
    char text[32];
    struct digest digest;
    snprintf(text, sizeof text, "number %d", number);
    assert_fine(cas_put_bytes(cas, str_of(text), &digest));
    return digest;
}

/* `count` objects in one flush. */
static inline void put_many(struct rig *rig, int from, int count, struct digest *ret)
{
    for (int i = 0; i < count; i++)
        ret[i] = put_number(rig->cas, from + i);
    assert_fine(cas_flush(rig->cas));
}

static inline bool has(struct rig *rig, struct digest digest)
{
    bool found = false;
    assert_fine(cas_has(rig->cas, digest, &found));
    return found;
}

static inline bool is_number(struct rig *rig, struct digest digest, int number)
{
    char text[32];
    struct str bytes = {0};
    bool found = false;
    snprintf(text, sizeof text, "number %d", number);
    assert_fine(cas_get_bytes(rig->cas, &rig->arena, digest, 100, &bytes, &found));
    return found && str_is(bytes, text);
}

/* Number of the store's packs; the name of one of them. */
static inline int pack_count(struct rig *rig, const char **ret_path)
{
    int count = 0;
    DIR *directory =
        opendir(path_join(&rig->arena, str_of(rig->scratch.path), STR(".mlops/cache/pack")).at);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        *ret_path = str_print(&rig->arena, ".mlops/cache/pack/%s", entry->d_name).at;
    }
    if (directory)
        closedir(directory);
    return count;
}

static inline int packs_of(struct rig *rig)
{
    const char *ignored = NULL;
    return pack_count(rig, &ignored);
}
