/*
 * The decision hidden here: how saved inputs reach a fuzz target without libFuzzer. Each argument is an input or a
 * folder of inputs. A name is printed before its input is tried, so that the last one printed is the one that crashed.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);

/* What the targets' mutators call; without libFuzzer nobody calls them. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most)
{
    (void)bytes, (void)size, (void)most;
    abort();
}

static bool replay_stream(FILE *file, size_t size)
{
    uint8_t *bytes = malloc(size);      /* exactly as long as the input, so that the sanitizer sees each step beyond */
    const bool whole = (bytes != NULL || size == 0) && fread(bytes, 1, size, file) == size;
    if (whole)
        (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return whole;
}

static bool replay_file(const char *path, size_t size)
{
    (void)printf("replay: %s\n", path);
    (void)fflush(stdout);
    FILE *file = fopen(path, "rb");
    const bool done = file != NULL && replay_stream(file, size);
    if (!done)
        perror(path);
    if (file != NULL)
        (void)fclose(file);             /* only read from */
    return done;
}

static bool replay_path(const char *path);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, is_visible, alphasort);
    bool done = count > 0;
    if (!done)
        (void)fprintf(stderr, "%s: no inputs\n", path);
    for (int i = 0; i < count; i++) {
        char inner[4096];
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        done = replay_path(inner) && done;
        free(entries[i]);
    }
    free(entries);
    return done;
}

static bool replay_path(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        perror(path);
        return false;
    }
    return S_ISDIR(about.st_mode) ? replay_folder(path) : replay_file(path, (size_t)about.st_size);
}

int main(int argc, char **argv)
{
    bool done = true;
    for (int i = 1; i < argc; i++)
        done = replay_path(argv[i]) && done;
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
