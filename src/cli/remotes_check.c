/* Whether a remote works: a small file is written, read and removed there. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/cli/remotes.h"
#include "mlops/cli/report.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/store/transport.h"

/* What was found out about a remote. */
struct findings {
    const struct remote *remote;
    bool is_writable, can_list, is_ours;
    int64_t latency_ns, skew_ns;
};

static FALLIBLE take_nothing(void *context, const char *at, size_t len)
{
    (void)at;
    *(int64_t *)context += (int64_t)len;
    return NULL;
}

static FALLIBLE visit_nothing(void *context, const struct transport_item *item)
{
    (void)context, (void)item;
    return NULL;
}

static FALLIBLE probe(struct context *context, struct connection *connection,
                      struct findings *findings)
{
    uint64_t random;
    random_bytes(&random, sizeof random);
    struct str name = str_print(context->arena, "probe/%016llx", (unsigned long long)random);
    struct transport_source source = {.bytes = STR("mlops was here\n"), .fd = -1};
    struct transport_item item = {0};
    struct transport_range all = {0, -1};
    int64_t bytes = 0;
    struct transport_sink sink = {take_nothing, &bytes};
    bool found = false;
    TRY(connection_write(connection, name, &source, WRITE_NEW, NULL));
    int64_t now = clock_real_ns();
    TRY(connection_stat(connection, name, &item, &found));
    if (found && item.modified_ns)
        findings->skew_ns = item.modified_ns - now;
    TRY(connection_read(connection, name, all, &sink, &found));
    TRY(connection_remove(connection, name));
    if (!found || bytes != (int64_t)source.bytes.len)
        return error_new(ERROR_MACHINE, "remote '%.*s' did not give back what was written there",
                         STR_FMT(findings->remote->name));
    return NULL;
}

static FALLIBLE examine(struct context *context, struct findings *findings)
{
    AUTO(transport_drop) struct transport *transport = NULL;
    AUTO(connection_drop) struct connection *connection = NULL;
    struct transport_item item;
    TRY(transport_open(context->arena, findings->remote, &transport));
    TRY(transport_connect(transport, &connection));
    int64_t began = clock_monotonic_ns();
    TRY(connection_stat(connection, STR("format"), &item, &findings->is_ours));
    findings->latency_ns = clock_monotonic_ns() - began;
    findings->can_list = transport_can_list(transport);
    findings->is_writable = transport_is_writable(transport);
    if (findings->is_writable)
        TRY(probe(context, connection, findings));
    if (findings->can_list)
        TRY(connection_list(connection, STR("roots/"), visit_nothing, NULL));
    return NULL;
}

static void print_json(struct context *context, const struct findings *findings)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "name");
    json_str(&json, findings->remote->name);
    json_name(&json, "url");
    json_str(&json, findings->remote->url);
    json_name(&json, "is_writable");
    json_bool(&json, findings->is_writable);
    json_name(&json, "can_list");
    json_bool(&json, findings->can_list);
    json_name(&json, "has_data");
    json_bool(&json, findings->is_ours);
    json_name(&json, "latency_s");
    json_real(&json, report_seconds(findings->latency_ns));
    json_name(&json, "clock_ahead_s");
    json_real(&json, report_seconds(findings->skew_ns));
    report_json_close(&json);
}

FALLIBLE remotes_check(struct context *context, const struct workspace *workspace, struct str name)
{
    static const int64_t SKEW_TOLD_NS = 5 * NS_PER_S;
    struct remote *remote = NULL;
    int signal_fd;
    TRY(signal_open(&signal_fd));
    TRY(remotes_find(context->arena, workspace, name, &remote));
    struct findings findings = {.remote = remote};
    TRY(examine(context, &findings));
    if (context->format == FORMAT_JSON) {
        print_json(context, &findings);
        return NULL;
    }
    struct str latency = duration_print(context->arena, findings.latency_ns);
    buf_print(&context->out, "%.*s: %s, %s, answers in %.*s (%.*s)\n", STR_FMT(remote->name),
              findings.is_writable ? "can be read and written" : "can be read",
              findings.is_ours ? "holds data" : "holds no data of mlops yet", STR_FMT(latency),
              STR_FMT(remote->url));
    if (findings.skew_ns > SKEW_TOLD_NS || findings.skew_ns < -SKEW_TOLD_NS)
        context_warn(
            context, "its clock and ours differ by %.*s",
            STR_FMT(duration_print(context->arena,
                                   findings.skew_ns < 0 ? -findings.skew_ns : findings.skew_ns)));
    return NULL;
}
