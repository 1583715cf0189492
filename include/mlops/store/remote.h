/* Remotes as they are configured: `remote.NAME.KEY` in the layers of settings (docs/formats.md,
 * "Remotes"), a row for each key. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"
#include "mlops/store/workspace.h"

/* Where an S3 bucket is named. */
enum remote_path_style {
    PATH_STYLE_AUTO, /* in the host's name at AWS, in the path with an endpoint */
    PATH_STYLE_YES,
    PATH_STYLE_NO,
};

struct remote {
    struct str name;
    struct str url;  /* without password; "/dir", "file://", "ssh://", "sftp://", "http(s)://",
                        "webdav(s)://", "s3://BUCKET/PREFIX" */
    bool is_trusted; /* results there decide what need not be run; objects need no trust */
    struct str trusted_keys; /* file of public keys: results that one of them has signed, too */
    struct str sign_key;     /* file of a private key, which signs results that are pushed */
    int64_t connections;     /* 0: what the transport finds decent */
    int64_t timeout_ns;      /* without any byte */
    struct str ca;           /* file of certificates for TLS; empty: the system's */
    bool is_insecure;        /* TLS certificates are not checked (untracked layers only) */
    bool has_foreign_names; /* not a remote of ours, but what a URL of others names (remote_of_url):
                               any bytes may be a name, see transport.h */
    bool is_elsewhere; /* another project says so, and no remote of ours does: what this machine
                          logs in with is not sent there */
    /* HTTP and WebDAV */
    struct str user, password_env, token_env; /* secrets by reference only */
    /* S3 */
    struct str endpoint, region, profile, credential_process;
    int path_style; /* enum remote_path_style */
    /* SSH */
    struct str ssh_command; /* empty: ssh */
    /* Only of what another tool has configured (store/dvc_remote), never of our own settings:
     * secrets by value, and files of its own. */
    struct str password, token;
    struct str header;                        /* HTTP: "Name: value", sent with each request */
    struct str key_id, key_secret, key_token; /* S3 */
    struct str credentials_file, config_file; /* S3: instead of those in ~/.aws */
    struct str object_headers; /* S3: "name: value\n"..., small letters, of each object written */
    bool is_anonymous;         /* S3: nobody logs in */
    bool is_plain;             /* S3: without TLS, where no endpoint says how */
    bool is_shared;            /* a directory: its group may write what is written there */
    struct str key_file;       /* SSH: a private key */
};
VEC(remote_vec, struct remote *);

/* All, sorted by name. */
FALLIBLE remotes_load(struct arena *arena, const struct workspace *workspace,
                      struct remote_vec *ret);

/* The one of this name, or the default one if `name` is empty (remote.default, or the only one);
 * ERROR_PROJECT with the known ones or with 'mlops remote add' otherwise. */
FALLIBLE remotes_find(struct arena *arena, const struct workspace *workspace, struct str name,
                      struct remote **ret);

/* ERROR_PROJECT if a remote can't be called so. */
FALLIBLE remote_check_name(struct str name);

/* Those of another project, whose settings (config_load_foreign) are not trusted: the default one
 * first. What names secrets or files of this machine is left out; where a remote of ours holds the
 * same URL, ours decides how it is reached. An S3 service that none of ours is at gets no
 * credentials of this machine. `root`: the directory that relative ones are seen from;
 * empty: the project is on another machine. Settings that run programs are refused. */
FALLIBLE remotes_load_foreign(struct arena *arena, const struct workspace *own,
                              const struct config *foreign, struct str root,
                              struct remote_vec *ret);

/* A remote that another project's settings of another tool name: the S3 service of its endpoint
 * gets credentials of this machine only if one of our remotes is there, and then those of that one.
 * A relative directory is refused: the project is on another machine. */
FALLIBLE remote_settle_foreign(struct arena *arena, const struct workspace *own,
                               struct remote *remote);

/* A remote made of a URL alone (import-url, get), which may not hold a password. */
FALLIBLE remote_of_url(struct arena *arena, struct str url, struct remote **ret);

/* The settings of a remote, for help. Static storage. */
struct remote_key {
    const char *name, *help;
};
const struct remote_key *remote_keys(size_t *ret_count);
