/* From DVC's settings of a remote to ours. */
#include "mlops/store/dvc_remote.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/model/name.h"

#include "transport_web_private.h"

enum { CHAIN_MOST = 8, CONNECTIONS_MOST = 64, SECONDS_MOST = 86400 };

enum remote_kind { KIND_DIRECTORY = 1, KIND_SSH = 2, KIND_HTTP = 4, KIND_DAV = 8, KIND_S3 = 16 };
enum { KIND_WEB = KIND_HTTP | KIND_DAV, KIND_ALL = 31 };

/* A remote's settings; `remote://BASE/PATH` takes what it does not say itself from BASE. */
struct chain {
    struct arena *arena;
    const struct dvcconfig *config;
    struct str names[CHAIN_MOST];
    size_t count;
};

static const char *key_of(const struct chain *chain, size_t i, const char *key)
{
    return str_print(chain->arena, "remote \"%.*s\".%s", STR_FMT(chain->names[i]), key).at;
}

static struct str text_of(const struct chain *chain, const char *key)
{
    struct str text = {0};
    for (size_t i = 0; i < chain->count && !text.len; i++)
        text = dvcconfig_text(chain->config, key_of(chain, i, key));
    return text;
}

static struct str path_of(const struct chain *chain, const char *key)
{
    struct str path = {0};
    for (size_t i = 0; i < chain->count && !path.len; i++)
        path = dvcconfig_path(chain->arena, chain->config, key_of(chain, i, key));
    return path;
}

static bool is_one_of(struct str text, const char *const *words)
{
    for (; *words; words++)
        if (text.len == strlen(*words) && strncasecmp(text.at, *words, text.len) == 0)
            return true;
    return false;
}

static bool is_true(struct str text)
{
    return is_one_of(text, (const char *const[]){"true", "yes", "on", "1", NULL});
}

static bool is_false(struct str text)
{
    return is_one_of(text, (const char *const[]){"false", "no", "off", "0", NULL});
}

/* --- rows --- */

enum setting_how {
    SET_TEXT,
    SET_PATH,
    SET_TRUE,    /* a flag, if it is on */
    SET_FALSE,   /* ... if it is off */
    SET_HEADER,  /* of each object: `why` is the header's name */
    REFUSE_SET,  /* whatever it says */
    REFUSE_TRUE, /* unless it is off */
};

/* Adding a setting of DVC's that is followed or can't be: a row here. Without one, since there is
 * nothing to follow: `verify` (what comes is always hashed), `type`, `protected`, `checksum_jobs`,
 * `slow_link_warning`, `no_traverse`, `listobjects`, `cache_regions`, `allow_agent` (DVC's cache
 * and DVC's own code only), `ask_password` and `ask_passphrase` of SSH (ssh asks), `method` of HTTP
 * (nothing is written there), `key_path` (goes with `cert_path`). */
static const struct setting {
    const char *key;
    unsigned kinds;
    enum setting_how how;
    size_t member;   /* of struct remote */
    const char *why; /* it can't be followed */
} settings[] = {
    {"user", KIND_WEB, SET_TEXT, offsetof(struct remote, user), NULL},
    {"password", KIND_WEB, SET_TEXT, offsetof(struct remote, password), NULL},
    {"token", KIND_DAV, SET_TEXT, offsetof(struct remote, token), NULL},
    {"region", KIND_S3, SET_TEXT, offsetof(struct remote, region), NULL},
    {"profile", KIND_S3, SET_TEXT, offsetof(struct remote, profile), NULL},
    {"endpointurl", KIND_S3, SET_TEXT, offsetof(struct remote, endpoint), NULL},
    {"access_key_id", KIND_S3, SET_TEXT, offsetof(struct remote, key_id), NULL},
    {"secret_access_key", KIND_S3, SET_TEXT, offsetof(struct remote, key_secret), NULL},
    {"session_token", KIND_S3, SET_TEXT, offsetof(struct remote, key_token), NULL},
    {"credentialpath", KIND_S3, SET_PATH, offsetof(struct remote, credentials_file), NULL},
    {"configpath", KIND_S3, SET_PATH, offsetof(struct remote, config_file), NULL},
    {"use_ssl", KIND_S3, SET_FALSE, offsetof(struct remote, is_plain), NULL},
    {"allow_anonymous_login", KIND_S3, SET_TRUE, offsetof(struct remote, is_anonymous), NULL},
    {"sse", KIND_S3, SET_HEADER, 0, "x-amz-server-side-encryption"},
    {"sse_kms_key_id", KIND_S3, SET_HEADER, 0, "x-amz-server-side-encryption-aws-kms-key-id"},
    {"acl", KIND_S3, SET_HEADER, 0, "x-amz-acl"},
    {"grant_read", KIND_S3, SET_HEADER, 0, "x-amz-grant-read"},
    {"grant_read_acp", KIND_S3, SET_HEADER, 0, "x-amz-grant-read-acp"},
    {"grant_write_acp", KIND_S3, SET_HEADER, 0, "x-amz-grant-write-acp"},
    {"grant_full_control", KIND_S3, SET_HEADER, 0, "x-amz-grant-full-control"},
    {"shared", KIND_DIRECTORY, SET_TRUE, offsetof(struct remote, is_shared), NULL},
    {"keyfile", KIND_SSH, SET_PATH, offsetof(struct remote, key_file), NULL},
    {"version_aware", KIND_ALL, REFUSE_TRUE, 0,
     "keeps files by the versions of its storage, not by their MD5"},
    {"worktree", KIND_ALL, REFUSE_TRUE, 0, "keeps a copy of the work tree, not objects by MD5"},
    {"bearer_token_command", KIND_DAV, REFUSE_SET, 0, "gets its token from a program"},
    {"cert_path", KIND_DAV, REFUSE_SET, 0, "logs in with a client certificate"},
    {"sse_customer_key", KIND_S3, REFUSE_SET, 0, "encrypts with a key of its own"},
    {"sse_customer_algorithm", KIND_S3, REFUSE_SET, 0, "encrypts with a key of its own"},
    {"gss_auth", KIND_SSH, REFUSE_TRUE, 0, "logs in by GSSAPI, which ssh does by ~/.ssh/config"},
    {"password", KIND_SSH, REFUSE_SET, 0,
     "logs in with a password out of a file, which ssh does not take"},
    {"passphrase", KIND_SSH, REFUSE_SET, 0,
     "opens its key with a passphrase out of a file, which ssh does not take"},
};

static ERROR_MADE cannot(struct str name, const char *key, const char *why)
{
    return error_hint(
        error_new(ERROR_PROJECT, "DVC's remote '%.*s' (%s) %s", STR_FMT(name), key, why),
        "dvc pull and dvc push move what lies there; 'mlops run' goes on with what came");
}

/* What a header may hold, and a signature covers as it stands. */
static bool is_header_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || (unsigned char)text.at[i] >= 0x7f)
            return false;
    return text.at[0] != ' ' && text.at[text.len - 1] != ' ' && str_find(text, STR("  ")) < 0;
}

static FALLIBLE add_header(const struct chain *chain, const struct setting *setting,
                           struct str text, struct remote *remote)
{
    if (!is_header_text(text))
        return cannot(remote->name, setting->key, "holds what no header of HTTP can");
    remote->object_headers =
        str_print(chain->arena, "%.*s%s: %.*s\n", STR_FMT(remote->object_headers), setting->why,
                  STR_FMT(text));
    return NULL;
}

/* "group" is what `shared` says. */
static bool is_on(struct str text)
{
    return is_true(text) || str_is(text, "group");
}

static FALLIBLE follow_setting(const struct chain *chain, const struct setting *setting,
                               struct remote *remote)
{
    struct str text = text_of(chain, setting->key);
    bool is_refused =
        setting->how == REFUSE_SET || (setting->how == REFUSE_TRUE && text.len && !is_false(text));
    void *member = (char *)remote + setting->member;
    if (!text.len)
        return NULL;
    if (is_refused)
        return cannot(remote->name, setting->key, setting->why);
    if (setting->how == SET_HEADER)
        return add_header(chain, setting, text, remote);
    if (setting->how == SET_TRUE || setting->how == SET_FALSE)
        *(bool *)member = setting->how == SET_TRUE ? is_on(text) : is_false(text);
    else if (setting->how == SET_TEXT || setting->how == SET_PATH)
        *(struct str *)member = setting->how == SET_PATH ? path_of(chain, setting->key) : text;
    return NULL;
}

/* --- what takes more than a row --- */

/* "true", "false", or a file of certificates. */
static void follow_verification(const struct chain *chain, struct remote *remote)
{
    struct str text = text_of(chain, "ssl_verify");
    remote->is_insecure = is_false(text);
    if (text.len && !is_false(text) && !is_true(text))
        remote->ca = path_of(chain, "ssl_verify");
}

static FALLIBLE follow_login(const struct chain *chain, struct remote *remote)
{
    struct str auth = text_of(chain, "auth"), header = text_of(chain, "custom_auth_header");
    if (is_true(text_of(chain, "ask_password")) && !remote->password.len)
        return error_hint(error_new(ERROR_PROJECT,
                                    "DVC's remote '%.*s' asks for its password (ask_password), "
                                    "which mlops does not",
                                    STR_FMT(remote->name)),
                          "dvc remote modify --local %.*s password PASSWORD keeps it out of git",
                          STR_FMT(remote->name));
    if (auth.len && !str_is(auth, "basic") && !str_is(auth, "custom"))
        return cannot(remote->name, "auth",
                      "logs in by a method that is neither 'basic' nor 'custom'");
    if (!header.len)
        return NULL;
    for (size_t i = 0; i < header.len; i++)
        if (header.at[i] <= ' ' || header.at[i] == ':' || (unsigned char)header.at[i] >= 0x7f)
            return cannot(remote->name, "custom_auth_header", "names no header of HTTP");
    remote->header =
        str_print(chain->arena, "%.*s: %.*s", STR_FMT(header), STR_FMT(remote->password));
    remote->user = remote->password = (struct str){0};
    return str_find_char(remote->header, '\n') < 0 && str_find_char(remote->header, '\r') < 0
               ? NULL
               : cannot(remote->name, "password", "holds a line break");
}

/* User and port stand in a URL of ours. */
static void follow_host(const struct chain *chain, struct remote *remote)
{
    struct str url = remote->url, user = text_of(chain, "user"), port = text_of(chain, "port");
    struct str rest = str_slice(url, strlen("ssh://"), url.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str host = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str path = str_slice(rest, host.len, rest.len);
    ptrdiff_t at = str_find_last_char(host, '@');
    if (at >= 0 && !user.len)
        user = str_slice(host, 0, (size_t)at);
    host = str_slice(host, (size_t)(at + 1), host.len);
    bool has_port = str_find_char(host, ':') >= 0 && !str_ends(host, STR("]"));
    if (has_port)
        port = (struct str){0};
    remote->url =
        str_print(chain->arena, "ssh://%.*s%s%.*s%s%.*s%.*s", STR_FMT(user), user.len ? "@" : "",
                  STR_FMT(host), port.len ? ":" : "", STR_FMT(port), STR_FMT(path));
}

/* A number from 0 on, what stands behind a point left out; no number: 0. */
static int64_t number_of(struct str text)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.len && number < SECONDS_MOST; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            break;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

/* How many transfers run at once, over how many sessions of ssh. */
static void follow_jobs(const struct chain *chain, unsigned kind, struct remote *remote)
{
    int64_t jobs = number_of(text_of(chain, "jobs"));
    int64_t sessions = kind == KIND_SSH ? number_of(text_of(chain, "max_sessions")) : 0;
    if (sessions && (!jobs || sessions < jobs))
        jobs = sessions;
    remote->connections = MIN_OF(jobs, (int64_t)CONNECTIONS_MOST);
}

/* `timeout` of SSH and WebDAV, `read_timeout` (and `connect_timeout`) of the others. */
static void follow_timeout(const struct chain *chain, unsigned kind, struct remote *remote)
{
    bool is_one = kind == KIND_SSH || kind == KIND_DAV;
    int64_t seconds = number_of(text_of(chain, is_one ? "timeout" : "read_timeout"));
    int64_t connecting = is_one ? 0 : number_of(text_of(chain, "connect_timeout"));
    seconds = MAX_OF(seconds, connecting);
    if (seconds && kind != KIND_DIRECTORY)
        remote->timeout_ns = MIN_OF(seconds, (int64_t)SECONDS_MOST) * NS_PER_S;
}

/* --- the URL --- */

static unsigned kind_of(struct str url)
{
    static const struct {
        const char *scheme;
        unsigned kind;
    } kinds[] = {{"ssh", KIND_SSH},       {"http", KIND_HTTP},   {"https", KIND_HTTP},
                 {"webdav", KIND_DAV},    {"webdavs", KIND_DAV}, {"s3", KIND_S3},
                 {"file", KIND_DIRECTORY}};
    ptrdiff_t at = str_find(url, STR("://"));
    if (at < 0)
        return KIND_DIRECTORY;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_is(str_slice(url, 0, (size_t)at), kinds[i].scheme))
            return kinds[i].kind;
    return 0;
}

bool dvc_remote_exists(const struct dvcconfig *config, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    return dvcconfig_text(config, str_print(&scratch, "remote \"%.*s\".url", STR_FMT(name)).at)
               .len > 0;
}

static ERROR_MADE not_there(struct str name, struct str asker)
{
    struct error *error =
        asker.len ? error_new(ERROR_PROJECT,
                              "DVC's remote '%.*s' refers to '%.*s', which has no "
                              "URL in .dvc/config",
                              STR_FMT(asker), STR_FMT(name))
                  : error_new(ERROR_PROJECT, "DVC's remote '%.*s' has no URL in .dvc/config",
                              STR_FMT(name));
    return error_hint(error, "dvc remote add %.*s URL", STR_FMT(name));
}

/* Follows remote://NAME/PATH to what is no such URL. */
static FALLIBLE resolve(struct chain *chain, struct str *ret)
{
    struct str behind = {0};
    for (struct str name = chain->names[0];;) {
        if (!dvc_remote_exists(chain->config, name))
            return not_there(name,
                             chain->count > 1 ? chain->names[chain->count - 2] : (struct str){0});
        struct str url =
            dvcconfig_path(chain->arena, chain->config, key_of(chain, chain->count - 1, "url"));
        if (!str_starts(url, STR("remote://"))) {
            *ret = behind.len ? path_join(chain->arena, url, behind) : url;
            return NULL;
        }
        struct str rest = str_slice(url, strlen("remote://"), url.len);
        ptrdiff_t slash = str_find_char(rest, '/');
        name = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
        struct str path = str_slice(rest, MIN_OF(name.len + 1, rest.len), rest.len);
        behind = path.len && behind.len ? path_join(chain->arena, path, behind)
                 : path.len             ? path
                                        : behind;
        if (chain->count == CHAIN_MOST)
            return error_new(ERROR_PROJECT, "DVC's remote '%.*s' refers to others without end",
                             STR_FMT(chain->names[0]));
        chain->names[chain->count++] = str_copy(chain->arena, name);
    }
}

static ERROR_MADE no_transport(const struct remote *remote)
{
    ptrdiff_t at = str_find(remote->url, STR("://"));
    return error_hint(
        error_new(ERROR_PROJECT,
                  "DVC's remote '%.*s' is at '%.*s://', where mlops can't fetch from",
                  STR_FMT(remote->name), (int)at, remote->url.at),
        "dvc pull and dvc push move what lies there; 'mlops run' goes on with what came");
}

/* What a URL may not hold as it is stands there as %XX. */
static FALLIBLE decode_login(struct chain *chain, struct str login, struct remote *remote)
{
    size_t colon = (size_t)str_find_char(login, ':');
    bool is_fine =
        web_decode(chain->arena, str_slice(login, 0, colon), false, &remote->user) &&
        web_decode(chain->arena, str_slice(login, colon + 1, login.len), false, &remote->password);
    return is_fine ? NULL : cannot(remote->name, "url", "logs in with what can't be read");
}

/* A password in a URL is DVC's business, but not one for messages. */
static FALLIBLE split_password(struct chain *chain, struct remote *remote)
{
    ptrdiff_t scheme = str_find(remote->url, STR("://"));
    struct str rest = str_slice(remote->url, (size_t)scheme + 3, remote->url.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str host = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    ptrdiff_t at = str_find_last_char(host, '@');
    struct str login = str_slice(host, 0, at < 0 ? 0 : (size_t)at);
    if (str_find_char(login, ':') < 0)
        return NULL;
    remote->url = str_print(chain->arena, "%.*s%.*s", (int)scheme + 3, remote->url.at,
                            STR_FMT(str_slice(rest, (size_t)at + 1, rest.len)));
    return decode_login(chain, login, remote);
}

static FALLIBLE fill(struct chain *chain, struct remote *remote)
{
    unsigned kind = kind_of(remote->url);
    if (!kind)
        return no_transport(remote);
    if (kind & (KIND_WEB | KIND_SSH))
        TRY(split_password(chain, remote));
    if (kind == KIND_SSH && remote->password.len)
        return cannot(remote->name, "url", "holds a password, which ssh does not take");
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (settings[i].kinds & kind)
            TRY(follow_setting(chain, &settings[i], remote));
    if (kind & (KIND_WEB | KIND_S3))
        follow_verification(chain, remote);
    if (kind & KIND_WEB)
        TRY(follow_login(chain, remote));
    if (kind == KIND_SSH)
        follow_host(chain, remote);
    follow_jobs(chain, kind, remote);
    follow_timeout(chain, kind, remote);
    return NULL;
}

FALLIBLE dvc_remote_find(struct arena *arena, const struct dvcconfig *config, struct str name,
                         struct remote **ret)
{
    struct chain chain = {.arena = arena, .config = config, .count = 1};
    struct remote *remote = arena_new(arena, struct remote);
    *ret = NULL;
    if (!name.len)
        name = dvcconfig_text(config, "core.remote");
    if (!name.len)
        return NULL;
    chain.names[0] = name;
    *remote = (struct remote){.name = name, .timeout_ns = 60 * NS_PER_S};
    TRY(resolve(&chain, &remote->url));
    TRY(fill(&chain, remote));
    *ret = remote;
    return NULL;
}
