/* Who we are to S3: the remote's own settings first, then what AWS' tools would take. Metadata
 * services of containers and machines are not asked: they are reached without TLS at addresses that
 * mean something else elsewhere. */
#include "mlops/base/moment.h"
#include "mlops/codec/json.h"
#include "mlops/codec/profiles.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/process.h"

#include <fcntl.h>
#include <stdlib.h>

#include "transport_s3_private.h"

enum { FILE_BYTES = 1048576, PROGRAM_BYTES = 65536 };
static const int64_t MARGIN_NS = 60 * NS_PER_S; /* credentials that end sooner are not used */

static struct str variable(const char *name)
{
    return str_of(getenv(name));
}

/* --- AWS' files --- */

static struct str path_of(struct arena *arena, const char *variable_name, const char *name)
{
    struct str path = variable(variable_name);
    struct str home = variable("HOME");
    return path.len ? path : str_print(arena, "%.*s/.aws/%s", STR_FMT(home), name);
}

static FALLIBLE read_file(struct arena *arena, struct str path, bool is_config,
                          struct profile_vec *ret)
{
    struct str bytes = {0};
    bool found = false;
    if (str_is(path, "/dev/null")) /* how one says that there is none */
        return NULL;
    TRY(file_read(arena, AT_FDCWD, str_terminate(arena, path), FILE_BYTES, &bytes, &found));
    return found ? profiles_parse(arena, path, bytes, is_config, ret) : NULL;
}

/* The credentials file comes first: what stands in both counts from there. */
static FALLIBLE read_profiles(struct arena *arena, const struct remote *remote,
                              struct profile_vec *ret)
{
    struct str credentials = remote->credentials_file, config = remote->config_file;
    if (!credentials.len)
        credentials = path_of(arena, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    if (!config.len)
        config = path_of(arena, "AWS_CONFIG_FILE", "config");
    TRY(read_file(arena, credentials, false, ret));
    return read_file(arena, config, true, ret);
}

static struct str profile_name(const struct remote *remote)
{
    struct str name = remote->profile.len ? remote->profile : variable("AWS_PROFILE");
    return name.len ? name : STR("default");
}

FALLIBLE s3_profile_value(struct arena *arena, const struct remote *remote, const char *key,
                          struct str *ret)
{
    struct profile_vec profiles = {0};
    TRY(read_profiles(arena, remote, &profiles));
    *ret = profiles_find(&profiles, profile_name(remote), key);
    return NULL;
}

/* --- programs --- */

static struct str member(const struct doc_node *map, const char *name)
{
    for (const struct doc_node *child = map->kind == DOC_MAP ? map->first : NULL; child;
         child = child->next)
        if (str_is(child->key->text, name) && child->kind != DOC_NULL)
            return child->text;
    return (struct str){0};
}

/* "2026-11-28T22:00:00Z", or with "+00:00" as Python writes it. */
static bool read_expiry(struct str text, int64_t *ret_ns)
{
    AUTO(arena_drop) struct arena arena = {0};
    if (str_ends(text, STR("+00:00")))
        text = str_print(&arena, "%.*sZ", (int)text.len - 6, text.at);
    return moment_parse(text, ret_ns);
}

FALLIBLE s3_credentials_parse(struct arena *arena, struct str json, struct s3_credentials *ret)
{
    struct doc *doc = NULL;
    struct error *error = json_parse_lenient(arena, STR("its output"), json, &doc);
    error_drop(error); /* its excerpt could hold a secret */
    if (error || !str_is(member(doc->root, "Version"), "1"))
        return error_new(ERROR_MACHINE, "it prints no credentials of Version 1 in JSON");
    struct s3_credentials got = {.id = member(doc->root, "AccessKeyId"),
                                 .secret = member(doc->root, "SecretAccessKey"),
                                 .token = member(doc->root, "SessionToken")};
    struct str expiry = member(doc->root, "Expiration");
    if (!got.id.len || !got.secret.len)
        return error_new(ERROR_MACHINE, "it prints no AccessKeyId or SecretAccessKey");
    if (expiry.len && !read_expiry(expiry, &got.expires_ns))
        return error_new(ERROR_MACHINE, "it prints an Expiration that is no moment in UTC");
    *ret = got;
    return NULL;
}

static FALLIBLE run_program(struct arena *arena, struct str command, struct s3_credentials *ret)
{
    const char *argv[] = {"/bin/sh", "-c", str_terminate(arena, command), NULL};
    struct str output = {0};
    int status = 0;
    TRY_WITHIN(process_capture(arena, argv, PROGRAM_BYTES, &output, &status),
               "the credential_process '%.*s'", STR_FMT(command));
    if (status)
        return error_new(ERROR_MACHINE, "the credential_process '%.*s' ended with exit status %d",
                         STR_FMT(command), status);
    TRY_WITHIN(s3_credentials_parse(arena, output, ret), "the credential_process '%.*s'",
               STR_FMT(command));
    ret->origin = str_print(arena, "the credential_process '%.*s'", STR_FMT(command));
    return NULL;
}

/* --- the order --- */

static ERROR_MADE no_credentials(const struct remote *remote)
{
    return error_hint(
        error_new(
            ERROR_MACHINE,
            "no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor "
            "has profile '%.*s' any",
            STR_FMT(profile_name(remote))),
        "set them, or 'profile' or 'credential_process' of the remote; services of containers and "
        "machines that give credentials are not asked");
}

static FALLIBLE take_profile(struct arena *arena, const struct remote *remote,
                             struct s3_credentials *ret)
{
    struct profile_vec profiles = {0};
    struct str name = profile_name(remote);
    TRY(read_profiles(arena, remote, &profiles));
    if (remote->profile.len && !profiles_have(&profiles, name))
        return error_new(ERROR_MACHINE, "there is no profile '%.*s' in ~/.aws", STR_FMT(name));
    *ret = (struct s3_credentials){
        .id = profiles_find(&profiles, name, "aws_access_key_id"),
        .secret = profiles_find(&profiles, name, "aws_secret_access_key"),
        .token = profiles_find(&profiles, name, "aws_session_token"),
        .origin = str_print(arena, "profile '%.*s'", STR_FMT(name)),
    };
    if (ret->id.len && ret->secret.len)
        return NULL;
    struct str command = profiles_find(&profiles, name, "credential_process");
    return command.len ? run_program(arena, command, ret) : no_credentials(remote);
}

static ERROR_MADE not_for_it(const struct remote *remote)
{
    return error_hint(error_new(ERROR_MACHINE,
                                "another project says that '%.*s' is at '%.*s', which gets no "
                                "credentials of yours unasked",
                                STR_FMT(remote->url), STR_FMT(remote->endpoint)),
                      "if you trust it, make it a remote of yours: mlops remote add NAME %.*s "
                      "endpoint=%.*s",
                      STR_FMT(remote->url), STR_FMT(remote->endpoint));
}

static FALLIBLE load(struct arena *arena, const struct remote *remote, struct s3_credentials *ret)
{
    if (remote->is_elsewhere)
        return not_for_it(remote);
    if (remote->credential_process.len)
        return run_program(arena, remote->credential_process, ret);
    *ret = (struct s3_credentials){
        .id = remote->key_id,
        .secret = remote->key_secret,
        .token = remote->key_token,
        .origin = str_print(arena, "the settings of remote '%.*s'", STR_FMT(remote->name))};
    if (ret->id.len && ret->secret.len)
        return NULL;
    *ret = (struct s3_credentials){.id = variable("AWS_ACCESS_KEY_ID"),
                                   .secret = variable("AWS_SECRET_ACCESS_KEY"),
                                   .token = variable("AWS_SESSION_TOKEN"),
                                   .origin = STR("AWS_ACCESS_KEY_ID")};
    bool is_set = ret->id.len && ret->secret.len && !remote->profile.len;
    return is_set ? NULL : take_profile(arena, remote, ret);
}

static FALLIBLE get_locked(struct s3 *s3, struct arena *arena, struct s3_credentials *ret)
{
    const struct s3_credentials *kept = &s3->credentials;
    bool is_old = kept->expires_ns && kept->expires_ns < clock_real_ns() + MARGIN_NS;
    if (!s3->has_credentials || is_old) {
        arena_reset(&s3->arena);
        s3->has_credentials = false;
        TRY(load(&s3->arena, s3->remote, &s3->credentials));
        s3->has_credentials = true;
    }
    *ret = (struct s3_credentials){.id = str_copy(arena, kept->id),
                                   .secret = str_copy(arena, kept->secret),
                                   .token = str_copy(arena, kept->token),
                                   .origin = str_copy(arena, kept->origin)};
    return NULL;
}

void s3_credentials_forget(struct s3 *s3)
{
    pthread_mutex_lock(&s3->mutex);
    s3->has_credentials = false;
    pthread_mutex_unlock(&s3->mutex);
}

FALLIBLE s3_credentials_get(struct s3 *s3, struct arena *arena, struct s3_credentials *ret)
{
    pthread_mutex_lock(&s3->mutex);
    struct error *error = get_locked(s3, arena, ret);
    pthread_mutex_unlock(&s3->mutex);
    return error;
}
