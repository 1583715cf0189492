/* A project with a history, and a directory as its remote. */
#pragma once

#include "mlops/codec/canon.h"
#include "mlops/host/walk.h"
#include "mlops/store/depot.h"

#include <fcntl.h>
#include <unistd.h>

#include "yard.h"

/* A project with a history, and a directory as its remote. */
struct site {
    struct yard yard;
    struct scratch place;
    struct remote remote;
};

static inline void site_open(struct site *site)
{
    yard_open(&site->yard);
    site->place = scratch_open();
    site->remote = (struct remote){.name = STR("origin")};
    site->remote.url = str_print(&site->yard.rig.arena, "%s/remote", site->place.path);
}

static inline void site_drop(struct site *site)
{
    yard_drop(&site->yard);
    scratch_drop(&site->place);
}

#define SITE(name)                                                                                 \
    AUTO(site_drop) struct site name = {0};                                                        \
    site_open(&name)

static inline struct depot *depot_at(struct site *site)
{
    struct depot_options options = {.workspace = site->yard.rig.workspace,
                                    .cas = site->yard.rig.cas,
                                    .remote = &site->remote,
                                    .connections = 2,
                                    .wants_write = true};
    struct depot *depot = NULL;
    assert_fine(depot_open(&site->yard.rig.arena, &options, &depot));
    return depot;
}

static inline struct depot_want put_text(struct site *site, const char *text)
{
    return (struct depot_want){put(&site->yard, text), (int64_t)strlen(text)};
}

static inline void push_by(struct site *site, struct depot *depot, const struct depot_want *wants,
                           size_t count)
{
    struct depot_want_vec missing = {0};
    struct arena *arena = &site->yard.rig.arena;
    assert_fine(depot_push(depot, arena, wants, count, &missing));
    assert_fine(depot_push_names(depot, arena, NULL, 0, &missing));
    assert_fine(depot_finish(depot));
    assert_int_equal(missing.len, 0);
}

/* One pack for each call. */
static inline void push(struct site *site, const struct depot_want *wants, size_t count)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    push_by(site, depot, wants, count);
}

static inline struct str_vec list(struct site *site, const char *directory)
{
    struct str_vec names = {0};
    struct str path = str_print(&site->yard.rig.arena, "%s/remote/%s", site->place.path, directory);
    AUTO(fd_drop) struct fd fd = fd_of(open(path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct walk_list found = {0};
    if (fd_number(fd) >= 0)
        assert_fine(walk_list(&site->yard.rig.arena, fd_number(fd), true, &found));
    for (size_t i = 0; i < found.count; i++)
        *vec_push(&site->yard.rig.arena, &names) = found.entries[i].name;
    return names;
}

/* Everything in the remote becomes an hour older. */
static inline void grow_old(struct site *site)
{
    struct str command =
        str_print(&site->yard.rig.arena, "find %s/remote -type f -exec touch -d '1 hour ago' {} +",
                  site->place.path);
    assert_int_equal(system(command.at), 0);
}

static inline struct error *try_collect_there(struct site *site, bool really,
                                              struct gc_remote_report *ret)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    struct gc_options options = {.really = really, .grace_ns = 1800 * NS_PER_S};
    return gc_remote_run(&site->yard.rig.arena, site->yard.rig.workspace, site->yard.ledger,
                         site->yard.rig.cas, depot, &options, ret);
}

static inline struct gc_remote_report collect_there(struct site *site, bool really)
{
    struct gc_remote_report report = {0};
    assert_fine(try_collect_there(site, really, &report));
    return report;
}

static inline bool is_there(struct site *site, struct digest digest)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    return depot_has(depot, digest);
}

/* As a push leaves it. */
static inline void record(struct site *site, const char *project, struct digest digest)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    struct buf bytes = buf_in(&site->yard.rig.arena);
    canon_str(&bytes, STR("mlops.roots.1"));
    canon_str(&bytes, str_of(project));
    canon_list(&bytes, 1);
    canon_list(&bytes, 4);
    canon_str(&bytes, STR("data"));
    canon_bool(&bytes, false);
    canon_digest(&bytes, digest);
    canon_int(&bytes, 4);
    struct str hex = digest_hex(&site->yard.rig.arena, digest);
    assert_fine(depot_put_file(depot, str_print(&site->yard.rig.arena, "roots/%.16s", hex.at),
                               buf_str(&bytes)));
}
