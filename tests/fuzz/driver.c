/* A bounded fuzzing loop for the targets of this folder, for compilers without libFuzzer.
 *
 *     fuzz-TARGET [--seconds S] [--seed N] CORPUS_DIR|FILE...
 *
 * Every corpus file is run as it is, then mutated: bytes flipped, removed, doubled, replaced by
 * words of the grammar's own files, two files spliced. A crash is the process's; the input is
 * written to build/fuzz-crash before each run of a mutant so that it can be replayed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>

#include "harness/base/clock.h"
#include "harness/base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUTS = 256, MAX_BYTES = 1 << 16 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input inputs[MAX_INPUTS];
static size_t n_inputs;

static void read_input(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || n_inputs == MAX_INPUTS)
        return;
    struct input *in = &inputs[n_inputs++];
    in->data = malloc(MAX_BYTES);
    in->size = fread(in->data, 1, MAX_BYTES, f);
    fclose(f);
}

static void read_inputs(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        read_input(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char full[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(full, sizeof full, "%s/%s", path, e->d_name);
        read_input(full);
    }
    closedir(d);
}

static size_t mutate(struct sn_rng *r, uint8_t *out)
{
    const struct input *in = &inputs[sn_rng_below(r, n_inputs)];
    size_t n = in->size;
    memcpy(out, in->data, n);
    for (uint64_t times = 1 + sn_rng_below(r, 4); times--;) {
        size_t at = n ? sn_rng_below(r, n) : 0, len = n ? 1 + sn_rng_below(r, n - at) : 0;
        switch (sn_rng_below(r, 6)) {
        case 0: /* flip a bit */
            if (n)
                out[at] ^= (uint8_t)(1u << sn_rng_below(r, 8));
            break;
        case 1: /* remove a stretch */
            memmove(out + at, out + at + len, n - at - len);
            n -= len;
            break;
        case 2: /* double a stretch */
            if (n + len <= MAX_BYTES) {
                memmove(out + at + len, out + at, n - at);
                n += len;
            }
            break;
        case 3: { /* splice in a stretch of another input */
            const struct input *o = &inputs[sn_rng_below(r, n_inputs)];
            if (!o->size)
                break;
            size_t from = sn_rng_below(r, o->size), l = 1 + sn_rng_below(r, o->size - from);
            if (at + l <= MAX_BYTES) {
                memcpy(out + at, o->data + from, l);
                n = n > at + l ? n : at + l;
            }
            break;
        }
        case 4: { /* an interesting byte */
            static const char bytes[] = "0123456789-+.,:*()[]{}\"'\\\n\t %KMGkmeE\0\377";
            if (n)
                out[at] = (uint8_t)bytes[sn_rng_below(r, sizeof bytes - 1)];
            break;
        }
        default: /* cut the end */
            n = at;
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    double seconds = 2;
    uint64_t seed = 1, runs = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
            seconds = atof(argv[++i]);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else
            read_inputs(argv[i]);
    }
    if (!n_inputs) {
        fprintf(stderr, "%s: no corpus\n", argv[0]);
        return 2;
    }
    /* The input in flight lives in a shared mapping of a file: it survives a crash without a write
     * per run. */
    char path[4096];
    snprintf(path, sizeof path, "%s.last", argv[0]);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || ftruncate(fd, MAX_BYTES)) {
        perror(path);
        return 2;
    }
    uint8_t *last = mmap(NULL, MAX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (size_t i = 0; i < n_inputs; i++, runs++)
        LLVMFuzzerTestOneInput(inputs[i].data, inputs[i].size);
    struct sn_rng r = sn_rng_make(seed, 0);
    int64_t end = sn_clock_ns() + (int64_t)(seconds * 1e9);
    while (sn_clock_ns() < end) {
        size_t n = mutate(&r, last);
        uint8_t *copy =
            malloc(n ? n : 1); /* its own block, so that a sanitizer sees a read past the end */
        memcpy(copy, last, n);
        LLVMFuzzerTestOneInput(copy, n);
        free(copy);
        runs++;
    }
    unlink(path);
    printf("ok %s: %llu runs, seed %llu\n",
           strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], (unsigned long long)runs,
           (unsigned long long)seed);
    return 0;
}
