/* Against the real sshd: serve.py starts it and runs this program again with its address. */
#include "mlops/host/pool.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include "../../../src/store/transport_ssh_private.h"
#include "support/contract.h"

static bool has_server(void)
{
    if (getenv("MLOPS_SSH_URL"))
        return true;
    print_message("skipped: no OpenSSH server here\n");
    return false;
}

/* A directory of its own on the server, and a conversation about it. */
struct host {
    struct arena arena;
    struct remote remote;
    struct str root; /* the directory, on this machine */
    struct transport *transport;
    struct connection *connection;
};

static void host_open(struct host *host, const char *name)
{
    *host = (struct host){0};
    host->remote.name = STR("lab");
    host->remote.timeout_ns = 20 * INT64_C(1000000000);
    host->remote.ssh_command = str_of(getenv("MLOPS_SSH_COMMAND"));
    host->remote.url = str_print(&host->arena, "%s/%s", getenv("MLOPS_SSH_URL"), name);
    host->root = str_print(&host->arena, "%s/%s", getenv("MLOPS_SSH_ROOT"), name);
    assert_fine(transport_open(&host->arena, &host->remote, &host->transport));
    assert_fine(transport_connect(host->transport, &host->connection));
}

static void host_drop(struct host *host)
{
    connection_drop(&host->connection);
    transport_drop(&host->transport);
    arena_drop(&host->arena);
}

static const char *on_host(struct host *host, const char *name)
{
    return str_print(&host->arena, "%.*s/%s", STR_FMT(host->root), name).at;
}

static void a_server_of_openssh_keeps_the_contract(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    host_open(&host, "contract");
    contract_check(host.transport);
    connection_drop(&host.connection); /* waits for what was removed without waiting */
    assert_int_equal(rmdir(on_host(&host, ".tmp")), 0);
}

static void files_are_as_the_umask_of_the_server_says(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    struct stat seen;
    host_open(&host, "modes");
    contract_write(host.connection, "pack/a", STR("x"), WRITE_NEW);
    assert_int_equal(stat(on_host(&host, "pack/a"), &seen), 0);
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(seen.st_mode & 07777, 0666 & ~mask);
}

static void what_is_no_name_or_no_file_is_not_listed(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    host_open(&host, "odd");
    contract_write(host.connection, "pack/good", STR("1"), WRITE_NEW);
    assert_int_equal(symlink("good", on_host(&host, "pack/link")), 0);
    assert_int_equal(mkfifo(on_host(&host, "pack/fifo"), 0600), 0);
    assert_int_equal(symlink("good", on_host(&host, "pack/a b")), 0);
    assert_int_equal(mkdir(on_host(&host, ".hidden"), 0700), 0);
    assert_int_equal(symlink("/etc/passwd", on_host(&host, ".hidden/x")), 0);
    assert_string_equal(contract_list(&host.arena, host.connection, ""), "pack/good:1");
    struct transport_item item;
    bool found = false;
    assert_error(connection_stat(host.connection, STR("pack/link"), &item, &found), "is no file");
}

static void many_directories_are_listed_at_once(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    size_t count = 0;
    host_open(&host, "many");
    contract_write(host.connection, "res/p/first", STR("1"), WRITE_NEW);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(mkdir(on_host(&host, str_print(&host.arena, "res/p/%d", i).at), 0700), 0);
        close(open(on_host(&host, str_print(&host.arena, "res/p/%d/one", i).at),
                   O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        close(open(on_host(&host, str_print(&host.arena, "res/p/0/n%d", i).at),
                   O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    for (const char *at = contract_list(&host.arena, host.connection, "res/"); *at; at++)
        count += *at == ':';
    assert_int_equal(count, 601);
}

static void old_litter_goes_and_young_stays(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    host_open(&host, "litter");
    assert_int_equal(mkdir(host.root.at, 0700), 0);
    assert_int_equal(mkdir(on_host(&host, ".tmp"), 0700), 0);
    close(open(on_host(&host, ".tmp/old"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    close(open(on_host(&host, ".tmp/young"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(utimensat(AT_FDCWD, on_host(&host, ".tmp/old"), old, 0), 0);
    contract_write(host.connection, "format", STR("x"), WRITE_NEW);
    connection_drop(&host.connection);
    assert_int_not_equal(access(on_host(&host, ".tmp/old"), F_OK), 0);
    assert_int_equal(access(on_host(&host, ".tmp/young"), F_OK), 0);
}

static void a_full_disk_is_told_and_nothing_has_the_name(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    bool existed = false;
    int64_t told = 0;
    host_open(&host, "full");
    assert_int_equal(mkdir(host.root.at, 0700), 0);
    if (mount("none", host.root.at, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: no file system may be mounted here\n");
        return;
    }
    struct transport_source source = contract_source(contract_large(&host.arena));
    source.tell = contract_tell;
    source.context = &told;
    struct error *error =
        connection_write(host.connection, STR("pack/a"), &source, WRITE_NEW, &existed);
    bool is_there = access(on_host(&host, "pack/a"), F_OK) == 0;
    contract_write(host.connection, "small", STR("x"), WRITE_NEW); /* and the room is given back */
    connection_drop(&host.connection);
    assert_int_equal(umount2(host.root.at, MNT_DETACH), 0);
    assert_error(error, "the disk of the remote is full");
    assert_int_equal(told, 0);
    assert_false(is_there);
}

static void a_place_that_is_not_mounted_is_not_made(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    struct transport_source source = contract_source(STR("x"));
    bool existed = false;
    host_open(&host, "not/mounted");
    assert_error(connection_write(host.connection, STR("a"), &source, WRITE_NEW, &existed),
                 "No such file");
    assert_int_not_equal(access(host.root.at, F_OK), 0);
}

static void a_conversation_that_broke_is_begun_again(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    host_open(&host, "broken");
    contract_write(host.connection, "format", STR("x"), WRITE_NEW);
    struct sftp *sftp = host.connection->state;
    assert_false(sftp_is_broken(sftp));
    assert_int_equal(system(str_print(&host.arena, "pkill -KILL -P %d -x ssh", getpid()).at), 0);
    contract_expect(host.connection, "format", 0, -1, STR("x"));
}

/* Two connections, and the sink of the first kills its ssh in the middle. */
struct killing {
    struct contract_bytes got;
    int times;
};

static struct error *take_and_kill(void *context, const char *at, size_t len)
{
    struct killing *killing = context;
    AUTO(arena_drop) struct arena arena = {0};
    if (killing->got.bytes.len > 1000000 && killing->times++ < 2)
        assert_int_equal(system(str_print(&arena, "pkill -KILL -P %d -x ssh", getpid()).at), 0);
    return contract_take(&killing->got, at, len);
}

static void a_read_goes_on_where_it_broke_off(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    struct killing killing = {0};
    struct transport_sink sink = {take_and_kill, &killing};
    bool found = false;
    host_open(&host, "torn");
    struct str large = contract_large(&host.arena);
    contract_write(host.connection, "pack/large", large, WRITE_NEW);
    assert_fine(connection_read(host.connection, STR("pack/large"), (struct transport_range){0, -1},
                                &sink, &found));
    assert_true(killing.times >= 2);
    assert_true(str_equal(buf_str(&killing.got.bytes), large));
    buf_drop(&killing.got.bytes);
}

static struct error *take_and_replace(void *context, const char *at, size_t len)
{
    struct killing *killing = context;
    if (killing->got.bytes.len > 1000000 && !killing->times) {
        FILE *file = fopen(getenv("MLOPS_TEST_PATH"), "w");
        fputs("other", file);
        fclose(file);
    }
    return take_and_kill(context, at, len);
}

static void a_read_does_not_go_on_in_another_content(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    struct killing killing = {0};
    struct transport_sink sink = {take_and_replace, &killing};
    bool found = false;
    host_open(&host, "replaced");
    contract_write(host.connection, "list/packs", contract_large(&host.arena), WRITE_REPLACE);
    setenv("MLOPS_TEST_PATH", on_host(&host, "list/packs"), 1);
    assert_error(connection_read(host.connection, STR("list/packs"),
                                 (struct transport_range){0, -1}, &sink, &found),
                 "cannot read 'list/packs'");
    buf_drop(&killing.got.bytes);
}

/* From threads, each with a connection of its own. */
static struct error *write_and_read(void *context, size_t index)
{
    struct host *host = context;
    AUTO(connection_drop) struct connection *connection = NULL;
    char name[32], text[32];
    snprintf(name, sizeof name, "pack/%zu", index);
    snprintf(text, sizeof text, "content %zu", index);
    assert_fine(transport_connect(host->transport, &connection));
    contract_write(connection, name, str_of(text), WRITE_NEW);
    contract_expect(connection, name, 0, -1, str_of(text));
    return NULL;
}

static void threads_have_connections_of_their_own(void **state)
{
    (void)state;
    if (!has_server())
        return;
    AUTO(host_drop) struct host host;
    AUTO(pool_drop) struct pool *pool = pool_open(4);
    host_open(&host, "threads");
    assert_fine(pool_run(pool, 8, write_and_read, &host, NULL));
    assert_string_equal(contract_list(&host.arena, host.connection, "pack/"),
                        "pack/0:9 pack/1:9 pack/2:9 pack/3:9 pack/4:9 pack/5:9 pack/6:9 pack/7:9");
}

/* --- URLs, which need no server --- */

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url, *user, *host, *port, *root;
    } rows[] = {
        {"ssh://lab/srv/data", "", "lab", "", "/srv/data"},
        {"sftp://me@lab:2222/srv/data/", "me", "lab", "2222", "/srv/data"},
        {"ssh://lab/~/data", "", "lab", "", "data"},
        {"ssh://lab/~", "", "lab", "", "."},
        {"ssh://lab/", "", "lab", "", "/"},
        {"ssh://me%40corp@[::1]:22/a%20b", "me@corp", "::1", "22", "/a b"},
        {"ssh://[fe80::1]/x", "", "fe80::1", "", "/x"},
    };
    AUTO(arena_drop) struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ssh_place place = {0};
        assert_fine(ssh_place_parse(&arena, str_of(rows[i].url), &place));
        assert_true(str_is(place.user, rows[i].user) && str_is(place.host, rows[i].host));
        assert_true(str_is(place.port, rows[i].port) && str_is(place.root, rows[i].root));
    }
}

static void what_ssh_would_take_for_an_option_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"ssh://-oProxyCommand=evil/x",
                                       "ssh://-lx@lab/x",
                                       "ssh://%2dlx@lab/x",
                                       "ssh://lab:-1/x",
                                       "ssh://lab:99999/x",
                                       "ssh:///x",
                                       "ssh://lab",
                                       "ssh://lab/a%00b",
                                       "ssh://lab/a%zz",
                                       "ssh://la b/x",
                                       "ssh://lab/a%0ab"};
    AUTO(arena_drop) struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct ssh_place place = {0};
        struct error *error = ssh_place_parse(&arena, str_of(urls[i]), &place);
        if (!error)
            fail_msg("%s is taken", urls[i]);
        error_drop(error);
    }
}

static int run_with_server(const char *self)
{
    char command[4096];
    snprintf(command, sizeof command,
             "exec python3 " MLOPS_SOURCE "/tests/support/servers/serve.py ssh -- '%s'", self);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(what_ssh_would_take_for_an_option_is_refused),
        cmocka_unit_test(a_server_of_openssh_keeps_the_contract),
        cmocka_unit_test(files_are_as_the_umask_of_the_server_says),
        cmocka_unit_test(what_is_no_name_or_no_file_is_not_listed),
        cmocka_unit_test(many_directories_are_listed_at_once),
        cmocka_unit_test(old_litter_goes_and_young_stays),
        cmocka_unit_test(a_full_disk_is_told_and_nothing_has_the_name),
        cmocka_unit_test(a_place_that_is_not_mounted_is_not_made),
        cmocka_unit_test(a_conversation_that_broke_is_begun_again),
        cmocka_unit_test(a_read_goes_on_where_it_broke_off),
        cmocka_unit_test(a_read_does_not_go_on_in_another_content),
        cmocka_unit_test(threads_have_connections_of_their_own),
    };
    (void)argc;
    int status = getenv("MLOPS_SSH_URL") ? 77 : run_with_server(argv[0]);
    return status == 77 ? cmocka_run_group_tests(tests, NULL, NULL) : status;
}
