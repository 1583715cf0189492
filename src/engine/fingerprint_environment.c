#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/canon.h"
#include "mlops/engine/fingerprint.h"
#include "mlops/host/file.h"
#include "mlops/host/machine.h"

#include <fcntl.h>
#include <stdlib.h>

/* Variables that say which interpreter, packages and devices a stage sees; sorted by name. */
static const char *const environment_variables[] = {
    "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CUDA_VISIBLE_DEVICES", "PATH",
    "PYTHONPATH",        "VIRTUAL_ENV",
};

enum { OS_RELEASE_BYTES_MOST = 65536 };

static struct str os_name(struct arena *arena)
{
    struct str text = {0};
    bool found = false;
    struct error *error =
        file_read(arena, AT_FDCWD, "/etc/os-release", OS_RELEASE_BYTES_MOST, &text, &found);
    error_drop(error); /* a machine without it has no name to record */
    struct str line;
    while (found && str_split(&text, '\n', &line)) {
        if (str_starts(line, STR("PRETTY_NAME=\"")) && line.len > 14)
            return str_slice(line, 13, line.len - 1);
    }
    return STR("unknown");
}

static struct str environment_make(struct arena *arena)
{
    struct buf out = buf_in(arena);
    size_t set = 0;
    for (size_t i = 0; i < COUNT_OF(environment_variables); i++)
        set += getenv(environment_variables[i]) != NULL;
    canon_str(&out, STR("mlops.environment.1"));
    canon_map(&out, 3);
    canon_str(&out, STR("os"));
    canon_str(&out, os_name(arena));
    canon_str(&out, STR("platform"));
    canon_str(&out, machine_platform(arena));
    canon_str(&out, STR("variables"));
    canon_map(&out, set);
    for (size_t i = 0; i < COUNT_OF(environment_variables); i++) {
        const char *value = getenv(environment_variables[i]);
        if (value) {
            canon_str(&out, str_of(environment_variables[i]));
            canon_str(&out, str_of(value));
        }
    }
    return buf_str(&out);
}

struct str fingerprint_environment(struct session *session)
{
    if (!session->environment.len)
        session->environment = environment_make(session->arena);
    return session->environment;
}
