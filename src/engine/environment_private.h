/* Shared by the files of module environment. */
#pragma once

#include "mlops/engine/environment.h"
#include "mlops/host/file.h"

/* A variable that a command's text sets. */
struct scene_variable {
    struct str name, value;
    const struct scene_variable *next;
};

/* What the command of a stage sees; it changes as its text is read. Copies are independent. */
struct scene {
    struct arena *arena;
    const struct stage *stage;
    struct str cwd; /* absolute */
    const struct scene_variable *variables;
    int depth;          /* of scripts within scripts */
    int *commands_left; /* to be read in all of them */
};

/* As the stage gets it, `{from_env: X}` too; zero: not set. */
struct str scene_variable(const struct scene *scene, const char *name);
struct str scene_variable_named(const struct scene *scene, struct str name);
void scene_set(struct scene *scene, struct str name, struct str value);

/* The virtual environment, or conda's, at `prefix` is used from here on. */
void scene_enter(struct scene *scene, struct str prefix, bool is_conda);
struct str scene_path(const struct scene *scene, struct str path); /* absolute */

/* Simple commands of a shell script, one after the other, as words: quotes taken off, variables
 * put in, redirections left out. What can't be known without running it, $(...), is empty. */
struct words {
    const struct scene *scene;
    struct str rest;
};

bool words_next(struct words *words, struct str_vec *ret);

struct interpreter {
    struct str name;    /* "python"; empty: none */
    struct str path;    /* as it was found, absolute; links not resolved */
    struct scene scene; /* of its command */
};

/* The first of the commands of a script that is run by an interpreter; a shell script of the
 * project's own is looked into. */
bool environment_read_script(struct scene *scene, struct str text, struct interpreter *ret);

/* The file that a word of a command names, by PATH if it has no '/'. pyenv's shims are seen
 * through. */
bool environment_find_program(const struct scene *scene, struct str word, struct str *ret);

/* The environment that a project's manager ("uv", "poetry", "pipenv", ...) runs commands in. */
bool environment_of_manager(const struct scene *scene, struct str manager, struct str *ret_prefix);
bool environment_of_conda(const struct scene *scene, struct str name, struct str *ret_prefix);

/* Small files and directories: what can't be read is absent. */
struct str environment_read(struct arena *arena, struct str path);
struct str environment_read_head(struct arena *arena, struct str path); /* its first 4 KiB */
bool environment_has(struct arena *arena, struct str path, struct file_stat *ret);
struct str environment_real(struct arena *arena, struct str path);
/* Names in a directory, sorted. */
void environment_list(struct arena *arena, struct str path, struct str_vec *ret);

/* "3.11.2" out of "cpython-3.11.2-linux": the first number with a dot in it; empty: none. */
struct str environment_version_in(struct str text);

/* Directories that Python imports from, in its order, and what else its packages depend on. */
struct python {
    struct str real;       /* the interpreter, links resolved */
    struct str prefix;     /* of the virtual environment or of the installation */
    struct str base;       /* of the installation */
    struct str minor;      /* "3.11" */
    struct str configured; /* version in pyvenv.cfg */
    bool is_venv, is_conda;
    bool is_isolated;     /* a virtual environment without the installation's packages */
    struct str_vec sites; /* site-packages: their .pth files count */
    struct str_vec paths; /* PYTHONPATH */
};

void python_find(const struct scene *scene, struct str path, struct python *ret);
struct str python_version(struct arena *arena, const struct python *python);
/* `ret_links`: directories that .pth files add. */
void python_packages(struct arena *arena, const struct python *python,
                     struct environment_items *ret, struct str_vec *ret_links);

/* Everything that a Python's version and packages follow from, but what .pth files name. Not
 * settled: it changed so lately that it may be another one at the same time. */
struct str environment_python_key(struct arena *arena, const struct python *python,
                                  bool *ret_is_settled);

/* From the stat cache, if it was seen like this before; into it. */
bool environment_recall(struct session *session, struct str key, struct environment *ret);
void environment_keep(struct session *session, struct str key, const struct str_vec *links,
                      const struct environment *environment);

/* Packages in one directory; `ret_further`: those that its .pth files add (NULL: they don't count).
 */
void environment_packages_in(struct arena *arena, struct str directory,
                             struct environment_items *ret, struct str_vec *ret_further);
void environment_conda_packages(struct arena *arena, struct str prefix,
                                struct environment_items *ret);

/* Of other languages: version, and what is known of packages. */
void environment_of_r(const struct scene *scene, struct str real, struct environment *ret);
void environment_of_other(const struct scene *scene, struct str real, struct environment *ret);

void environment_machine(struct arena *arena, struct environment *ret);
void environment_tools(const struct scene *scene, struct environment_items *ret);

/* Of a directory; names are relative to `root`. */
void environment_lockfiles(struct arena *arena, struct str root, struct str directory,
                           struct environment_items *ret);
