/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer without libFuzzer: every file of a directory, and RUNS inputs made of them. The
 * same runs each time, so that what fails once fails again.
 *
 * usage: fuzz-NAME RUNS DIRECTORY     or: fuzz-NAME FILE...
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX  65536U
#define INPUTS_MAX 256U

static struct input {
    uint8_t *data;
    size_t size;
} corpus[INPUTS_MAX];
static size_t inputs;

static uint8_t current[INPUT_MAX];
static size_t current_size;
static unsigned long current_run;

/* xorshift64*: the same everywhere. */
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1d >> 16) % bound;
}

static void load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);

    if (!file || !data || inputs == INPUTS_MAX) {
        fprintf(stderr, "%s: cannot be read, or one file too many\n", path);
        exit(EXIT_FAILURE);
    }
    corpus[inputs++] = (struct input){data, fread(data, 1, INPUT_MAX, file)};
    fclose(file);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void load_directory(const char *path)
{
    char *names[INPUTS_MAX];
    size_t count = 0;
    DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory && (entry = readdir(directory)) && count < INPUTS_MAX) {
        char name[PATH_MAX];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        names[count++] = strdup(name);
    }
    qsort(names, count, sizeof(names[0]), by_name); /* readdir's order is the disk's */
    for (size_t i = 0; i < count; i++) {
        load(names[i]);
        free(names[i]);
    }
    if (directory)
        closedir(directory);
}

static void change_once(void)
{
    static const char *const words[] = {
        "\r\n",  "\n", " ",     "\t",   ":",    ";", ",",     "\"",      "\\",      "%", "\0x",
        "0",     "-1", "65536", "\xff", "\x80", "[", "]",     "{",       "}",       "=", "- ",
        "\r\n ", "&a", "*a",    "#",    "1e99", "/", "q=0.5", "chunked", "HTTP/1.1"};
    const struct input *other = &corpus[random_below(inputs)];
    size_t at = random_below(current_size + 1), length, from;

    switch (random_below(6)) {
    case 0: /* one bit */
        if (at < current_size)
            current[at] ^= (uint8_t)(1U << random_below(8));
        break;
    case 1: /* one byte */
        if (at < current_size)
            current[at] = (uint8_t)random_below(256);
        break;
    case 2: /* something missing */
        length = random_below(current_size - at + 1);
        memmove(current + at, current + at + length, current_size - at - length);
        current_size -= length;
        break;
    case 3: { /* something more */
        const char *word = words[random_below(sizeof(words) / sizeof(words[0]))];

        length = word[0] ? strlen(word) : 1;
        if (current_size + length > INPUT_MAX)
            break;
        memmove(current + at + length, current + at, current_size - at);
        memcpy(current + at, word, length);
        current_size += length;
        break;
    }
    case 4: /* a part twice */
        length = random_below(current_size - at + 1);
        if (current_size + length > INPUT_MAX)
            break;
        memmove(current + at + length, current + at, current_size - at);
        current_size += length;
        break;
    default: /* goes on as another input */
        from = random_below(other->size + 1);
        length = other->size - from;
        if (at + length > INPUT_MAX)
            break;
        memcpy(current + at, other->data + from, length);
        current_size = at + length;
    }
}

/* What was being tried, for a test of its own. Safe enough for a process that is at its end. */
static void report(void)
{
    fprintf(stderr, "run %lu, %zu bytes:", current_run, current_size);
    for (size_t i = 0; i < current_size && i < 4096; i++)
        fprintf(stderr, "%02x", current[i]);
    fprintf(stderr, "\n");
}

/* Of the sanitizers, where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void on_abort(int signal)
{
    report();
}

static void try(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);

    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int argc, char *argv[])
{
    struct stat status;
    bool searches = argc == 3 && stat(argv[2], &status) == 0 && S_ISDIR(status.st_mode);
    unsigned long runs = searches ? strtoul(argv[1], NULL, 10) : 0;

    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(report);
    if (searches)
        load_directory(argv[2]);
    for (int i = 1; i < argc && !searches; i++)
        load(argv[i]);
    if (inputs == 0) {
        fprintf(stderr, "no inputs\n0 passed, 1 failed\n");
        return EXIT_FAILURE;
    }

    for (size_t i = 0; i < inputs; i++) {
        current_size = corpus[i].size;
        memcpy(current, corpus[i].data, current_size);
        try(corpus[i].data, corpus[i].size);
    }
    for (current_run = 1; current_run <= runs; current_run++) {
        const struct input *input = &corpus[random_below(inputs)];

        current_size = input->size;
        memcpy(current, input->data, current_size);
        for (uint64_t changes = 1 + random_below(8); changes > 0; changes--)
            change_once();
        try(current, current_size);
    }
    for (size_t i = 0; i < inputs; i++)
        free(corpus[i].data);
    printf("%zu inputs, %lu changes of them\n1 passed, 0 failed\n", inputs, runs);
    return EXIT_SUCCESS;
}
