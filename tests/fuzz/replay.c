/* Runs a fuzz target over files, or over all files below a directory: the seeds, and whatever a
 * fuzzer found. Behind --conformance come folders of the conformance data, which count only where
 * MLOPS_CONFORMANCE says where these are. Fails if there is nothing to run. */
#include "replay.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An exact copy on the heap, so that ASan sees each byte read beyond it. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint8_t block[65536];
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0; len += got) {
        bytes = realloc(bytes, len + got);
        if (!bytes)
            abort();
        memcpy(bytes + len, block, got);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    return 1;
}

static int replay(const char *path);

/* Folders of seeds and of conformance data are a few levels deep, made by no one we do not know. */
static int replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) {
        perror(path);
        return -1;
    }
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        char file[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        int replayed = replay(file);
        if (replayed < 0)
            exit(1);
        count += replayed;
    }
    closedir(directory);
    return count;
}

static int replay(const char *path)
{
    struct stat status;
    bool is_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    return is_directory ? replay_directory(path) : replay_file(path);
}

static int replay_conformance(const char *folder)
{
    char path[4096];
    const char *root = getenv("MLOPS_CONFORMANCE");
    if (!root || !root[0])
        return 0;
    snprintf(path, sizeof path, "%s/%s", root, folder);
    return replay(path);
}

int main(int argc, char **argv)
{
    int count = 0;
    bool is_conformance = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--conformance") == 0) {
            is_conformance = true;
            continue;
        }
        int replayed = is_conformance ? replay_conformance(argv[i]) : replay(argv[i]);
        if (replayed < 0)
            return 1;
        count += replayed;
    }
    printf("%d inputs\n", count);
    return count == 0;
}
