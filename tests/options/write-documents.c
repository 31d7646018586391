/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what is made from the table of options into the source tree; with --check, compares it
 * with what is there. Would catch an option without its documentation.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "documents.h"

static bool is_current(const char *path, const struct buf *document)
{
    cleanup(cleanup_free) char *found = malloc(document->length + 1);
    FILE *file = fopen(path, "r");
    size_t length = 0;

    if (file && found) {
        length = fread(found, 1, document->length + 1, file);
        fclose(file);
    }
    if (file && length == document->length && memcmp(found, document->data, length) == 0)
        return true;
    fprintf(stderr,
            "%s is not current: run 'meson compile options-documents' in the build directory\n",
            path);
    return false;
}

static bool is_written(const char *path, const struct buf *document)
{
    FILE *file = fopen(path, "w");

    if (file && fwrite(document->data, 1, document->length, file) == document->length &&
        fclose(file) == 0)
        return true;
    perror(path);
    return false;
}

int main(int argc, char **argv)
{
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
    int failed = 0;

    if (argc != 2 + check) {
        fprintf(stderr, "usage: write-documents [--check] SOURCE_DIRECTORY\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < documents_count; i++) {
        cleanup(buf_deinit) struct buf document = BUF_NULL;
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", argv[1 + check], documents[i].path);
        documents[i].write(&document);
        if (buf_error(&document) || document.length == 0 ||
            !(check ? is_current : is_written)(path, &document))
            failed++;
    }
    if (check)
        printf("%d passed, %d failed\n", (int)documents_count - failed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
