#include "site.h"

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
