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

static void site_open(struct site *site)
{
    yard_open(&site->yard);
    site->place = scratch_open();
    site->remote = (struct remote){.name = STR("origin")};
    site->remote.url = str_print(&site->yard.rig.arena, "%s/remote", site->place.path);
}

static void site_drop(struct site *site)
{
    yard_drop(&site->yard);
    scratch_drop(&site->place);
}

#define SITE(name)                                                                                 \
    AUTO(site_drop) struct site name = {0};                                                        \
    site_open(&name)

static struct depot *depot_at(struct site *site)
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

static struct depot_want put_text(struct site *site, const char *text)
{
    return (struct depot_want){put(&site->yard, text), (int64_t)strlen(text)};
}

static void push_by(struct site *site, struct depot *depot, const struct depot_want *wants,
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
static void push(struct site *site, const struct depot_want *wants, size_t count)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    push_by(site, depot, wants, count);
}

static struct str_vec list(struct site *site, const char *directory)
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
static void grow_old(struct site *site)
{
    struct str command =
        str_print(&site->yard.rig.arena, "find %s/remote -type f -exec touch -d '1 hour ago' {} +",
                  site->place.path);
    assert_int_equal(system(command.at), 0);
}

static struct error *try_collect_there(struct site *site, bool really, struct gc_remote_report *ret)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    struct gc_options options = {.really = really, .grace_ns = 1800 * NS_PER_S};
    return gc_remote_run(&site->yard.rig.arena, site->yard.rig.workspace, site->yard.ledger,
                         site->yard.rig.cas, depot, &options, ret);
}

static struct gc_remote_report collect_there(struct site *site, bool really)
{
    struct gc_remote_report report = {0};
    assert_fine(try_collect_there(site, really, &report));
    return report;
}

static bool is_there(struct site *site, struct digest digest)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    return depot_has(depot, digest);
}

static void a_pack_goes_in_two_steps_a_grace_period_apart(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want litter = put_text(&site, "litter"), needed = put_text(&site, "needed");
    push(&site, &litter, 1);
    push(&site, &needed, 1);
    succeed(&site.yard, "a", file_artifact("x", needed.digest), true);
    assert_int_equal(collect_there(&site, true).condemned_packs, 0); /* young */
    grow_old(&site);
    assert_int_equal(collect_there(&site, false).condemned_packs, 1);
    assert_int_equal(list(&site, "gc").len, 0); /* dry */
    struct gc_remote_report report = collect_there(&site, true);
    assert_int_equal(report.condemned_packs, 1);
    assert_int_equal(report.base.removed_items, 0);
    assert_int_equal(list(&site, "pack").len, 2);
    assert_false(is_there(&site, litter.digest)); /* who pushes sends it again */
    assert_int_equal(collect_there(&site, true).waiting_packs, 1);
    grow_old(&site);
    report = collect_there(&site, true);
    assert_int_equal(report.base.removed_items, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    assert_int_equal(list(&site, "gc").len, 0);
    assert_true(is_there(&site, needed.digest));
}

static void what_is_pushed_again_meanwhile_gets_a_pack_of_another_name(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want back = put_text(&site, "back");
    push(&site, &back, 1);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1);
    push(&site, &back, 1); /* the same blobs as in the pack that is about to go */
    assert_int_equal(list(&site, "pack").len, 2);
    succeed(&site.yard, "a", file_artifact("x", back.digest), true);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).base.removed_items, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    assert_true(is_there(&site, back.digest));
}

static void a_push_that_began_before_loses_nothing(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want old = put_text(&site, "old");
    push(&site, &old, 1);
    grow_old(&site);
    AUTO(depot_drop) struct depot *pusher = depot_at(&site); /* has looked: it is there */
    collect_there(&site, true);
    push_by(&site, pusher, &old, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    succeed(&site.yard, "a", file_artifact("x", old.digest), true); /* what the push was for */
    grow_old(&site);
    collect_there(&site, true);
    assert_int_equal(list(&site, "pack").len, 1); /* copied before its pack went */
    assert_true(is_there(&site, old.digest));
}

static void of_a_pack_with_little_that_is_needed_that_is_copied(void **state)
{
    (void)state;
    SITE(site);
    AUTO(buf_drop) struct buf noise = {0};
    char *bytes = buf_reserve(&noise, 100000);
    random_bytes(bytes, 100000);
    struct depot_want wants[] = {{.size_bytes = 100000}, put_text(&site, "needed")};
    assert_fine(cas_put_bytes(site.yard.rig.cas, (struct str){bytes, 100000}, &wants[0].digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    push(&site, wants, 2);
    succeed(&site.yard, "a", file_artifact("x", wants[1].digest), true);
    grow_old(&site);
    struct gc_remote_report report = collect_there(&site, true);
    assert_int_equal(report.condemned_packs, 1);
    assert_true(report.moved_bytes > 0 && report.moved_bytes < 100);
    assert_int_equal(list(&site, "pack").len, 2);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).base.removed_items, 1);
    assert_true(is_there(&site, wants[1].digest));
    assert_false(is_there(&site, wants[0].digest));
}

static void the_chunks_of_a_large_file_are_needed_with_it(void **state)
{
    (void)state;
    SITE(site);
    AUTO(buf_drop) struct buf noise = {0};
    size_t len = 5000000;
    char *bytes = buf_reserve(&noise, len);
    random_bytes(bytes, len);
    struct depot_want want = {.size_bytes = (int64_t)len};
    struct depot_want_vec missing = {0};
    assert_fine(cas_put_bytes(site.yard.rig.cas, (struct str){bytes, len}, &want.digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    push(&site, &want, 1);
    succeed(&site.yard, "a", file_artifact("x", want.digest), true);
    for (int i = 0; i < 3; i++) {
        grow_old(&site);
        collect_there(&site, true);
    }
    assert_int_equal(unlinkat(site.yard.rig.scratch.fd, rig_object(&site.yard.rig, want.digest), 0),
                     0);
    rig_again(&site.yard.rig);
    AUTO(depot_drop) struct depot *depot = depot_at(&site);
    assert_fine(depot_fetch(depot, &site.yard.rig.arena, &want, 1, &missing));
    assert_int_equal(missing.len, 0);
}

static void directories_that_only_the_remote_has_are_read_there(void **state)
{
    (void)state;
    SITE(site);
    struct arena *arena = &site.yard.rig.arena;
    struct depot_want leaf = put_text(&site, "leaf"), tree = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct tree_entry entry = {STR("f"), TREE_FILE, 4, 1, leaf.digest};
    tree_encode(&(struct tree){&entry, 1}, &bytes);
    assert_fine(cas_put_bytes(site.yard.rig.cas, buf_str(&bytes), &tree.digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    tree.size_bytes = (int64_t)bytes.len;
    struct depot_want_vec missing = {0};
    {
        AUTO(depot_drop) struct depot *depot = depot_at(&site);
        assert_fine(depot_push(depot, arena, &leaf, 1, &missing));
        assert_fine(depot_push_names(depot, arena, &tree, 1, &missing));
    }
    struct artifact out = file_artifact("dir", tree.digest);
    out.kind = ARTIFACT_TREE;
    succeed(&site.yard, "a", out, true);
    assert_int_equal(unlinkat(site.yard.rig.scratch.fd, rig_object(&site.yard.rig, tree.digest), 0),
                     0);
    rig_again(&site.yard.rig);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 0);
    assert_true(is_there(&site, leaf.digest));
}

/* As a push leaves it. */
static void record(struct site *site, const char *project, struct digest digest)
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

static void
what_a_push_recorded_is_kept_for_the_grace_period_and_of_other_projects_longer(void **state)
{
    (void)state;
    SITE(site);
    const char *own = site.yard.rig.workspace->config.project.at;
    struct depot_want fresh = put_text(&site, "fresh"), stale = put_text(&site, "stale");
    struct depot_want other = put_text(&site, "other");
    push(&site, &fresh, 1);
    push(&site, &stale, 1);
    push(&site, &other, 1);
    record(&site, own, stale.digest);
    record(&site, "feedfeedfeedfeed", other.digest);
    grow_old(&site);
    record(&site, own, fresh.digest);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1);
    assert_true(is_there(&site, fresh.digest) && is_there(&site, other.digest));
    assert_false(is_there(&site, stale.digest));
    assert_int_equal(list(&site, "roots").len, 3); /* one record of all replaces the old one */
}

static void a_damaged_record_stops_it(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want litter = put_text(&site, "litter");
    struct gc_remote_report report = {0};
    push(&site, &litter, 1);
    grow_old(&site);
    scratch_directory(&site.place, "remote/roots");
    scratch_write(&site.place, "remote/roots/0123456789abcdef", "damaged");
    assert_error(try_collect_there(&site, true, &report), "roots/0123456789abcdef");
    assert_int_equal(list(&site, "gc").len, 0);
}

static void two_collections_at_once_do_no_harm(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want needed = put_text(&site, "needed"), litter = put_text(&site, "litter");
    struct depot_want both[] = {needed, litter};
    push(&site, &litter, 1);
    push(&site, both, 2);
    succeed(&site.yard, "a", file_artifact("x", needed.digest), true);
    grow_old(&site);
    AUTO(depot_drop) struct depot *one = depot_at(&site);
    AUTO(depot_drop) struct depot *two = depot_at(&site);
    struct depot *both_depots[] = {one, two, one, two};
    struct gc_options options = {.really = true, .grace_ns = 1800 * NS_PER_S};
    struct gc_remote_report report;
    for (size_t i = 0; i < COUNT_OF(both_depots); i++)
        assert_fine(gc_remote_run(&site.yard.rig.arena, site.yard.rig.workspace, site.yard.ledger,
                                  site.yard.rig.cas, both_depots[i], &options, &report));
    for (int i = 0; i < 3; i++) {
        grow_old(&site);
        collect_there(&site, true);
    }
    assert_true(is_there(&site, needed.digest));
    assert_int_equal(list(&site, "gc").len, 0);
    assert_int_equal(list(&site, "pack").len, 1);
}

/* --- verification --- */

static void damage_one_pack(struct site *site)
{
    struct str path =
        str_print(&site->yard.rig.arena, "remote/pack/%.*s", STR_FMT(list(site, "pack").at[0]));
    int fd = openat(site->place.fd, path.at, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        assert_int_equal(fchmodat(site->place.fd, path.at, 0644, 0), 0);
        fd = openat(site->place.fd, path.at, O_RDWR | O_CLOEXEC);
    }
    assert_int_equal(pwrite(fd, "X", 1, 9), 1);
    close(fd);
}

static struct depot_verified verify_there(struct site *site, bool afresh,
                                          struct verify_fault **ret_faults)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    struct depot_verified verified = {0};
    size_t count = 0;
    assert_fine(verify_remote(&site->yard.rig.arena, site->yard.rig.workspace, site->yard.ledger,
                              site->yard.rig.cas, depot, afresh, ret_faults, &count, &verified));
    assert_int_equal(count, verified.damage_count);
    return verified;
}

static void a_damaged_pack_is_named_with_what_it_holds_and_sent_again(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want want = put_text(&site, "precious");
    push(&site, &want, 1);
    succeed(&site.yard, "train", file_artifact("model.bin", want.digest), true);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 0);
    damage_one_pack(&site);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
    assert_true(str_starts(faults[0].stages, STR("holds model.bin of train in run ")));
    assert_int_equal(list(&site, "pack").len, 1); /* nothing is changed there */
    assert_false(is_there(&site, want.digest));
    push(&site, &want, 1);
    assert_int_equal(list(&site, "pack").len, 2);
    assert_true(is_there(&site, want.digest));
    struct depot_verified repaired = verify_there(&site, false, &faults);
    assert_int_equal(repaired.damage_count, 0);
    assert_int_equal(repaired.spent_packs, 1);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1); /* the good one keeps it */
    assert_true(is_there(&site, want.digest));
}

/* Others' data, too: by the record of their push. */
static void a_damaged_pack_is_a_fault_while_somebody_needs_what_only_it_holds(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want litter = put_text(&site, "litter"), other = put_text(&site, "other");
    push(&site, &litter, 1);
    damage_one_pack(&site);
    struct depot_verified verified = verify_there(&site, false, &faults);
    assert_int_equal(verified.damage_count, 0);
    assert_int_equal(verified.spent_packs, 1);
    record(&site, "feedfeedfeedfeed", litter.digest);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
    push(&site, &litter, 1);
    push(&site, &other, 1);
    verified = verify_there(&site, false, &faults);
    assert_int_equal(verified.damage_count, 0);
    assert_int_equal(verified.spent_packs, 1);
}

static void spoil_index(struct site *site)
{
    struct str path =
        str_print(&site->yard.rig.arena, "remote/pack/%.*s", STR_FMT(list(site, "pack").at[0]));
    assert_int_equal(fchmodat(site->place.fd, path.at, 0644, 0), 0);
    assert_int_equal(unlinkat(site->place.fd, path.at, 0), 0);
    scratch_write(&site->place, path.at, "no index is in this");
}

static void a_pack_without_an_index_goes_when_all_is_elsewhere(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want want = put_text(&site, "precious");
    push(&site, &want, 1);
    succeed(&site.yard, "train", file_artifact("model.bin", want.digest), true);
    record(&site, "feedfeedfeedfeed", want.digest);
    spoil_index(&site);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
    push(&site, &want, 1);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 0);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1);
    grow_old(&site);
    collect_there(&site, true);
    assert_int_equal(list(&site, "pack").len, 1);
    assert_true(is_there(&site, want.digest));
    assert_int_equal(verify_there(&site, false, &faults).spent_packs, 0);
}

static void a_pack_without_an_index_stays_while_something_is_nowhere(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want want = put_text(&site, "precious");
    struct digest lost = digest_of("lost", 4);
    push(&site, &want, 1);
    record(&site, "feedfeedfeedfeed", lost);
    spoil_index(&site);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 0);
    assert_int_equal(list(&site, "pack").len, 1);
}

/* An object of a few chunks. */
static struct depot_want put_large(struct site *site)
{
    AUTO(buf_drop) struct buf noise = {0};
    struct depot_want want = {.size_bytes = 5000000};
    char *bytes = buf_reserve(&noise, (size_t)want.size_bytes);
    random_bytes(bytes, (size_t)want.size_bytes);
    struct str all = {bytes, (size_t)want.size_bytes};
    assert_fine(cas_put_bytes(site->yard.rig.cas, all, &want.digest));
    assert_fine(cas_flush(site->yard.rig.cas));
    return want;
}

/* Of a large file with all its chunks. */
static bool is_there_whole(struct site *site, struct digest digest)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    assert_fine(depot_check_files(depot, &digest, 1));
    return depot_has(depot, digest);
}

/* The largest: chunks, not manifests. */
static struct str largest_pack(struct site *site)
{
    struct str_vec names = list(site, "pack");
    struct str best = {0};
    off_t most = 0;
    vec_each (struct str, name, &names) {
        struct str path = str_print(&site->yard.rig.arena, "remote/pack/%.*s", STR_FMT(*name));
        struct stat seen;
        assert_int_equal(fstatat(site->place.fd, path.at, &seen, 0), 0);
        best = seen.st_size > most ? path : best;
        most = MAX_OF(most, seen.st_size);
    }
    return best;
}

static void lost_chunks_of_a_large_file_are_sent_again(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want want = put_large(&site);
    push(&site, &want, 1);
    assert_true(is_there_whole(&site, want.digest));
    assert_int_equal(unlinkat(site.place.fd, largest_pack(&site).at, 0), 0);
    assert_false(is_there_whole(&site, want.digest));
    push(&site, &want, 1);
    assert_true(is_there_whole(&site, want.digest));
}

static void damaged_chunks_of_a_large_file_are_sent_again(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want want = put_large(&site);
    push(&site, &want, 1);
    record(&site, "feedfeedfeedfeed", want.digest);
    struct str path = largest_pack(&site);
    assert_int_equal(fchmodat(site.place.fd, path.at, 0644, 0), 0);
    AUTO(fd_drop) struct fd fd = fd_of(openat(site.place.fd, path.at, O_WRONLY | O_CLOEXEC));
    assert_int_equal(pwrite(fd_number(fd), "damage", 6, 1000000), 6);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
    assert_false(is_there_whole(&site, want.digest));
    push(&site, &want, 1);
    assert_true(is_there_whole(&site, want.digest));
}

static struct str smallest_pack(struct site *site)
{
    struct str_vec names = list(site, "pack");
    struct str large = largest_pack(site);
    assert_int_equal(names.len, 2);
    return str_print(&site->yard.rig.arena, "remote/pack/%.*s",
                     STR_FMT(names.at[str_ends(large, names.at[0])]));
}

struct counting {
    struct depot *depot;
    int there;
};

static void count_chunk(void *context, struct digest chunk)
{
    struct counting *counting = context;
    counting->there += depot_can_give(counting->depot, chunk);
}

static int chunks_there(struct site *site, struct digest file)
{
    AUTO(depot_drop) struct depot *depot = depot_at(site);
    struct counting counting = {depot, 0};
    assert_fine(depot_each_chunk(depot, &file, 1, count_chunk, &counting));
    return counting.there;
}

/* Its digests of chunks are covered by no sum: it names one that is nowhere. */
static void a_damaged_manifest_costs_no_chunks(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        SITE(site);
        struct verify_fault *faults = NULL;
        struct depot_want want = put_large(&site);
        push(&site, &want, 1);
        succeed(&site.yard, "a", file_artifact("x", want.digest), true);
        int chunks = chunks_there(&site, want.digest);
        struct str path = smallest_pack(&site);
        assert_int_equal(fchmodat(site.place.fd, path.at, 0644, 0), 0);
        AUTO(fd_drop) struct fd fd = fd_of(openat(site.place.fd, path.at, O_WRONLY | O_CLOEXEC));
        assert_int_equal(pwrite(fd_number(fd), "damage", 6, 90), 6);
        assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
        push(&site, &want, 1);
        assert_true(chunks_there(&site, want.digest) >= chunks);
        grow_old(&site);
        assert_int_equal(collect_there(&site, true).condemned_packs, 1);
        grow_old(&site);
        collect_there(&site, true);
        assert_true(is_there_whole(&site, want.digest));
        assert_int_equal(verify_there(&site, true, &faults).damage_count, 0);
    }
}

/* Else the next push of that file would find its manifest and send nothing. */
static void no_manifest_outlives_its_chunks(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want wants[] = {put_large(&site), put_large(&site)};
    push(&site, wants, 2);
    succeed(&site.yard, "a", file_artifact("x", wants[0].digest), true);
    for (int i = 0; i < 2; i++) {
        grow_old(&site);
        collect_there(&site, true);
    }
    assert_false(is_there(&site, wants[1].digest));
    assert_true(is_there_whole(&site, wants[0].digest));
    assert_int_equal(verify_there(&site, true, &faults).damage_count, 0);
}

static void a_large_file_with_its_manifest_is_good(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want wants[] = {put_large(&site), put_text(&site, "")};
    push(&site, wants, 2);
    struct depot_verified verified = verify_there(&site, false, &faults);
    assert_int_equal(verified.damage_count, 0);
    assert_true(verified.bytes > 5000000 && verified.blobs > 3);
}

/* The other project does not know what verify found; it goes by age. */
static void what_was_sent_for_a_damaged_pack_outlives_it(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        SITE(site);
        struct verify_fault *faults = NULL;
        struct depot_want want = put_text(&site, &"precious"[i]);
        push(&site, &want, 1);
        succeed(&site.yard, "train", file_artifact("model.bin", want.digest), true);
        damage_one_pack(&site);
        assert_int_equal(verify_there(&site, true, &faults).damage_count, 1);
        grow_old(&site);
        push(&site, &want, 1);
        struct str command =
            str_print(&site.yard.rig.arena, "rm -r %s/.mlops/remotes", site.yard.rig.scratch.path);
        assert_int_equal(system(command.at), 0);
        assert_int_equal(collect_there(&site, true).condemned_packs, 1);
        grow_old(&site);
        collect_there(&site, true);
        assert_int_equal(list(&site, "pack").len, 1);
        assert_int_equal(verify_there(&site, true, &faults).damage_count, 0);
    }
}

static void a_truncated_pack_is_damage(void **state)
{
    (void)state;
    SITE(site);
    struct verify_fault *faults = NULL;
    struct depot_want want = put_text(&site, "precious");
    push(&site, &want, 1);
    record(&site, "feedfeedfeedfeed", want.digest);
    struct str path = str_print(&site.yard.rig.arena, "%s/remote/pack/%.*s", site.place.path,
                                STR_FMT(list(&site, "pack").at[0]));
    assert_int_equal(truncate(path.at, 20), 0);
    assert_int_equal(verify_there(&site, false, &faults).damage_count, 1);
    push(&site, &want, 1); /* under another name: that one is taken by the ruin */
    assert_int_equal(list(&site, "pack").len, 2);
    assert_true(is_there(&site, want.digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_goes_in_two_steps_a_grace_period_apart),
        cmocka_unit_test(what_is_pushed_again_meanwhile_gets_a_pack_of_another_name),
        cmocka_unit_test(a_push_that_began_before_loses_nothing),
        cmocka_unit_test(of_a_pack_with_little_that_is_needed_that_is_copied),
        cmocka_unit_test(the_chunks_of_a_large_file_are_needed_with_it),
        cmocka_unit_test(directories_that_only_the_remote_has_are_read_there),
        cmocka_unit_test(
            what_a_push_recorded_is_kept_for_the_grace_period_and_of_other_projects_longer),
        cmocka_unit_test(a_damaged_record_stops_it),
        cmocka_unit_test(two_collections_at_once_do_no_harm),
        cmocka_unit_test(a_damaged_pack_is_a_fault_while_somebody_needs_what_only_it_holds),
        cmocka_unit_test(a_pack_without_an_index_goes_when_all_is_elsewhere),
        cmocka_unit_test(a_pack_without_an_index_stays_while_something_is_nowhere),
        cmocka_unit_test(a_damaged_pack_is_named_with_what_it_holds_and_sent_again),
        cmocka_unit_test(lost_chunks_of_a_large_file_are_sent_again),
        cmocka_unit_test(damaged_chunks_of_a_large_file_are_sent_again),
        cmocka_unit_test(a_damaged_manifest_costs_no_chunks),
        cmocka_unit_test(no_manifest_outlives_its_chunks),
        cmocka_unit_test(a_large_file_with_its_manifest_is_good),
        cmocka_unit_test(what_was_sent_for_a_damaged_pack_outlives_it),
        cmocka_unit_test(a_truncated_pack_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
