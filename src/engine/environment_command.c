/* Which interpreter a script uses: the first one among its commands. */
#include "mlops/base/arena.h"
#include "mlops/host/path.h"

#include "environment_private.h"

enum { SCRIPT_DEPTH_MOST = 3 };

/* Commands that run another one. */
struct wrapper {
    const char *name;
    const char *valued;    /* options that take a word, each between blanks */
    const char *verb;      /* the word that must follow, as in "uv run"; NULL: none */
    const char *manager;   /* whose environment it is run in */
    int positional;        /* words before the command */
    bool is_program_named; /* Python files may stand in its place */
};

static const struct wrapper wrappers[] = {
    {"time", " -f -o ", NULL, NULL, 0, false},
    {"nice", " -n --adjustment ", NULL, NULL, 0, false},
    {"ionice", " -c -n ", NULL, NULL, 0, false},
    {"nohup", "", NULL, NULL, 0, false},
    {"exec", " -a ", NULL, NULL, 0, false},
    {"command", "", NULL, NULL, 0, false},
    {"setsid", "", NULL, NULL, 0, false},
    {"stdbuf", " -i -o -e ", NULL, NULL, 0, false},
    {"env", " -u -C -S --unset --chdir ", NULL, NULL, 0, false},
    {"timeout", " -s -k --signal --kill-after ", NULL, NULL, 1, false},
    {"taskset", "", NULL, NULL, 1, false},
    {"numactl", " -C -N -m -p -i ", NULL, NULL, 0, false},
    {"flock", " -w -E ", NULL, NULL, 1, false},
    {"sudo", " -u -g ", NULL, NULL, 0, false},
    {"xvfb-run", " -s -n -e -f -w ", NULL, NULL, 0, false},
    {"mpirun", " -np -n -c -host -H -hostfile -x ", NULL, NULL, 0, false},
    {"mpiexec", " -np -n -c -host -H -hostfile -x ", NULL, NULL, 0, false},
    {"srun", " -n -c -N -p -J -t -A -q -w -G ", NULL, NULL, 0, false},
    {"parallel", " -j -N -a ", NULL, NULL, 0, false},
    {"xargs", " -n -P -I -L -d -s ", NULL, NULL, 0, false},
    {"uv",
     " --with --with-requirements --with-editable --python -p --extra --group --project"
     " --directory --env-file --index-url --index --package ",
     "run", "uv", 0, true},
    {"poetry", " -C --directory -P --project ", "run", "poetry", 0, false},
    {"pipenv", "", "run", "pipenv", 0, false},
    {"pdm", " -p --project ", "run", "pdm", 0, false},
    {"rye", "", "run", "rye", 0, false},
    {"hatch", " -e --env ", "run", "hatch", 0, false},
    {"pixi", " -e --environment --manifest-path ", "run", "pixi", 0, false},
    {"conda", " -n --name -p --prefix --cwd ", "run", "conda", 0, false},
    {"mamba", " -n --name -p --prefix --cwd ", "run", "conda", 0, false},
    {"micromamba", " -n --name -p --prefix --cwd ", "run", "conda", 0, false},
};

static const char *const keywords[] = {"if", "then", "elif", "else", "while",  "until",
                                       "do", "!",    "{",    "case", "builtin"};

static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh"};

static bool is_among(struct str word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(word, words[i]))
            return true;
    }
    return false;
}

static struct str name_of(struct str path)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    return str_slice(path, (size_t)(slash + 1), path.len);
}

/* "python3.11" is "python": a name, then nothing but a version. */
static struct str language_of(struct str word)
{
    static const struct {
        const char *name, *language;
    } rows[] = {
        {"python", "python"}, {"pypy", "python"}, {"Rscript", "r"},
        {"R", "r"},           {"node", "node"},   {"nodejs", "node"},
        {"julia", "julia"},   {"perl", "perl"},   {"ruby", "ruby"},
    };
    struct str name = name_of(word);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!str_starts(name, str_of(rows[i].name)))
            continue;
        struct str rest = str_slice(name, strlen(rows[i].name), name.len);
        while (rest.len && strchr("0123456789.", rest.at[0]))
            rest = str_slice(rest, 1, rest.len);
        if (!rest.len)
            return str_of(rows[i].language);
    }
    return (struct str){0};
}

static bool take_assignment(struct scene *scene, struct str word)
{
    ptrdiff_t cut = str_find_char(word, '=');
    for (ptrdiff_t i = 0; i < cut; i++) {
        char c = word.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && !(i && c >= '0' && c <= '9'))
            return false;
    }
    if (cut <= 0)
        return false;
    scene_set(scene, str_slice(word, 0, (size_t)cut), str_slice(word, (size_t)cut + 1, word.len));
    return true;
}

/* A command on its way: the words not yet read. */
struct command_words {
    struct str *at;
    size_t count;
};

static struct str take(struct command_words *words)
{
    struct str word = words->count ? words->at[0] : (struct str){0};
    size_t step = words->count > 0;
    words->at += step;
    words->count -= step;
    return word;
}

static bool is_valued(const struct wrapper *wrapper, struct scene *scene, struct str option)
{
    struct str mark = str_print(scene->arena, " %.*s ", STR_FMT(option));
    return str_find(str_of(wrapper->valued), mark) >= 0;
}

/* Options of a wrapper; of conda's what names an environment. */
static void take_options(struct scene *scene, const struct wrapper *wrapper,
                         struct command_words *words, struct str *ret_named)
{
    while (words->count && words->at[0].len > 1 && words->at[0].at[0] == '-') {
        struct str option = take(words), value = {0};
        if (str_is(option, "--"))
            break;
        if (is_valued(wrapper, scene, option))
            value = take(words);
        if (str_is(option, "-n") || str_is(option, "--name"))
            *ret_named = value;
        if (str_is(option, "-p") || str_is(option, "--prefix"))
            *ret_named = str_print(scene->arena, "%.*s/", STR_FMT(value));
    }
}

static struct str without_slash(struct str path)
{
    return path.len > 1 && path.at[path.len - 1] == '/' ? str_slice(path, 0, path.len - 1) : path;
}

/* false: conda names an environment that can't be found, and no other one is meant. */
static bool enter_environment(struct scene *scene, const struct wrapper *wrapper, struct str named)
{
    struct str prefix = {0};
    bool is_conda = str_is(str_of(wrapper->manager), "conda");
    bool found = is_conda ? named.len && environment_of_conda(scene, named, &prefix)
                          : environment_of_manager(scene, str_of(wrapper->manager), &prefix);
    if (found)
        scene_enter(scene, without_slash(prefix),
                    is_conda || str_is(str_of(wrapper->name), "pixi"));
    return found || !is_conda || !named.len;
}

/* false: it runs nothing that is known. */
static bool unwrap(struct scene *scene, const struct wrapper *wrapper, struct command_words *words)
{
    struct str named = {0};
    take_options(scene, wrapper, words, &named);
    if (wrapper->verb) {
        if (!words->count || !str_is(words->at[0], wrapper->verb))
            return false;
        take(words);
        take_options(scene, wrapper, words, &named);
    }
    for (int i = 0; i < wrapper->positional; i++)
        take(words);
    if (wrapper->manager && !enter_environment(scene, wrapper, named))
        return false;
    if (wrapper->is_program_named && words->count && str_ends(words->at[0], STR(".py"))) {
        words->at--; /* the verb's place */
        words->count++;
        words->at[0] = STR("python");
    }
    return words->count > 0;
}

static const struct wrapper *wrapper_of(struct str word)
{
    struct str name = name_of(word);
    for (size_t i = 0; i < COUNT_OF(wrappers); i++) {
        if (str_is(name, wrappers[i].name))
            return &wrappers[i];
    }
    return NULL;
}

/* Past assignments, keywords and wrappers: what is left begins with the program. */
static void unwrap_all(struct scene *scene, struct command_words *words)
{
    while (words->count) {
        struct str word = words->at[0];
        const struct wrapper *wrapper = wrapper_of(word);
        if (take_assignment(scene, word) || is_among(word, keywords, COUNT_OF(keywords))) {
            take(words);
        } else if (wrapper) {
            take(words);
            if (!unwrap(scene, wrapper, words))
                words->count = 0;
        } else {
            return;
        }
    }
}

/* What changes the scene of the commands that follow. */
static bool is_for_later(struct scene *scene, struct command_words words)
{
    struct str word = take(&words), first = words.count ? words.at[0] : (struct str){0};
    struct str prefix = {0};
    if (str_is(word, "cd") || str_is(word, "pushd")) {
        scene->cwd = environment_real(scene->arena, scene_path(scene, first));
        return true;
    }
    if (str_is(word, "export")) {
        while (words.count)
            take_assignment(scene, take(&words));
        return true;
    }
    bool is_source = str_is(word, "source") || str_is(word, ".");
    if (is_source && str_ends(first, STR("bin/activate"))) {
        ptrdiff_t cut = (ptrdiff_t)(first.len - strlen("bin/activate"));
        struct str path = scene_path(scene, str_slice(first, 0, (size_t)cut));
        scene_enter(scene, without_slash(path), false);
    }
    bool is_conda = str_is(word, "conda") || str_is(word, "mamba") || str_is(word, "micromamba");
    bool activates = is_conda && str_is(first, "activate") && words.count > 1;
    if (activates && environment_of_conda(scene, words.at[1], &prefix))
        scene_enter(scene, prefix, true);
    return is_source || activates;
}

static bool settle(const struct scene *scene, struct str language, struct str path,
                   struct interpreter *ret)
{
    if (!language.len || !path.len)
        return false;
    *ret = (struct interpreter){language, path, *scene};
    return true;
}

/* Reads another script with the scene as it is now. */
static bool read_nested(const struct scene *scene, struct str text, struct interpreter *ret)
{
    struct scene inner = *scene;
    inner.depth++;
    return inner.depth <= SCRIPT_DEPTH_MOST && environment_read_script(&inner, text, ret);
}

/* sh -c TEXT, sh FILE. */
static bool read_shell(const struct scene *scene, struct command_words words,
                       struct interpreter *ret)
{
    bool is_text = false;
    struct str shell = take(&words), path = {0};
    while (words.count && words.at[0].len > 1 && strchr("-+", words.at[0].at[0])) {
        struct str option = take(&words);
        bool is_long = str_starts(option, STR("--"));
        is_text |= !is_long && str_find_char(option, 'c') >= 0;
        bool is_valued = !is_long && option.at[option.len - 1] == 'o'; /* -o pipefail */
        if (is_valued)
            take(&words);
    }
    if (!words.count)
        return false;
    if (is_text)
        return read_nested(scene, words.at[0], ret);
    struct str script = environment_read(scene->arena, scene_path(scene, words.at[0]));
    if (read_nested(scene, script, ret))
        return true;
    return script.len && environment_find_program(scene, shell, &path) &&
           settle(scene, name_of(shell), path, ret);
}

/* The first line of a script: "#!/usr/bin/env -S python3 -u". */
static bool read_shebang(const struct scene *scene, struct str head, struct str *ret_program)
{
    struct str line, word;
    if (!str_starts(head, STR("#!")) || !str_split(&head, '\n', &line))
        return false;
    line = str_trim(str_slice(line, 2, line.len));
    while (str_split(&line, ' ', &word)) {
        bool is_env = str_is(name_of(word), "env");
        if (!word.len || word.at[0] == '-' || is_env || str_find_char(word, '=') > 0)
            continue;
        return environment_find_program(scene, word, ret_program);
    }
    return false;
}

/* A program that is itself a script: "./train.py", "pytest", "./run.sh". */
static bool read_program(const struct scene *scene, struct str word, struct interpreter *ret)
{
    struct str path = {0}, program = {0};
    if (!environment_find_program(scene, word, &path))
        return false;
    struct str head = environment_read_head(scene->arena, path);
    if (!read_shebang(scene, head, &program))
        return false;
    if (settle(scene, language_of(program), program, ret))
        return true;
    /* installers put a shell in front where a path is too long for the kernel */
    bool is_own = str_find_char(word, '/') >= 0 || str_find(head, STR("'''exec' ")) >= 0;
    if (!is_own || !is_among(name_of(program), shells, COUNT_OF(shells)))
        return false;
    return read_nested(scene, environment_read(scene->arena, path), ret) ||
           settle(scene, name_of(program), program, ret);
}

static bool read_command(struct scene *scene, const struct str_vec *found, struct interpreter *ret)
{
    struct scene here = *scene;
    struct command_words words = {found->at, found->len};
    struct str path = {0};
    while (words.count && is_among(words.at[0], keywords, COUNT_OF(keywords)))
        take(&words);
    if (!words.count || is_for_later(scene, words))
        return false;
    bool is_assigning = true; /* A=1 alone: of the shell itself */
    for (size_t i = 0; i < words.count; i++)
        is_assigning = is_assigning && take_assignment(&here, words.at[i]);
    if (is_assigning) {
        *scene = here;
        return false;
    }
    here = *scene;
    unwrap_all(&here, &words);
    if (!words.count)
        return false;
    if (is_among(name_of(words.at[0]), shells, COUNT_OF(shells)))
        return read_shell(&here, words, ret);
    struct str language = language_of(words.at[0]);
    if (language.len)
        return environment_find_program(&here, words.at[0], &path) &&
               settle(&here, language, path, ret);
    return read_program(&here, words.at[0], ret);
}

bool environment_read_script(struct scene *scene, struct str text, struct interpreter *ret)
{
    struct words words = {.scene = scene, .rest = text};
    struct str_vec command = {0};
    while (*scene->commands_left > 0 && words_next(&words, &command)) {
        --*scene->commands_left;
        if (read_command(scene, &command, ret))
            return true;
    }
    return false;
}
