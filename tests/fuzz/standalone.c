/* SPDX-License-Identifier: Apache-2.0
 *
 * standalone.c - runs a fuzz target over files and folders, without libFuzzer:
 * so that `make check` replays every corpus with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    uint8_t *p;
    size_t n;

    if (!f || fstat(fileno(f), &st) < 0 || !(p = malloc(st.st_size + 1))) {
        perror(path);
        if (f)
            fclose(f);
        return 1;
    }
    n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    LLVMFuzzerTestOneInput(p, n);
    free(p);
    return 0;
}

static int
run_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char name[4096];
    int failed = 0, count = 0;

    if (!d) {
        perror(path);
        return 1;
    }
    while ((e = readdir(d)))
        if (e->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
            failed |= run_file(name);
            count++;
        }
    closedir(d);
    printf("%s: %d inputs\n", path, count);
    return failed || count == 0;
}

/* Without arguments: the folder FUZZ_CORPUS names. */
int
main(int argc, char **argv)
{
    struct stat st;
    int i, failed = 0;

    if (argc < 2)
        return run_folder(FUZZ_CORPUS);
    for (i = 1; i < argc; i++)
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            failed |= run_folder(argv[i]);
        else
            failed |= run_file(argv[i]);
    return failed;
}
