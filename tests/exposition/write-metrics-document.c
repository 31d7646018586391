/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints docs/metrics.md from the catalogue; given a file, compares it with that instead.
 * Would catch a metric that was added, renamed or explained anew without its documentation.
 */
#include <stdio.h>
#include <string.h>

#include "exposition/catalogue.h"

static int compare(const struct buf *document, const char *path)
{
    cleanup(cleanup_free) char *found = malloc(document->length + 1);
    FILE *file = fopen(path, "r");
    size_t length;

    if (!file || !found) {
        perror(path);
        return EXIT_FAILURE;
    }
    length = fread(found, 1, document->length + 1, file);
    fclose(file);
    if (length == document->length && memcmp(found, document->data, length) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr,
            "%s is not current: run 'meson compile metrics-document' in the build "
            "directory\n",
            path);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    cleanup(buf_deinit) struct buf document = BUF_NULL;
    FILE *file;

    catalogue_document(&document);
    if (buf_error(&document))
        return EXIT_FAILURE;
    if (argc == 3 && strcmp(argv[1], "--check") == 0) {
        int status = compare(&document, argv[2]);

        /* The count that the closing line of a test run is added up from. */
        printf("%d passed, %d failed\n", status == EXIT_SUCCESS, status != EXIT_SUCCESS);
        return status;
    }

    file = argc == 2 ? fopen(argv[1], "w") : stdout;
    if (!file || fwrite(document.data, 1, document.length, file) != document.length ||
        fclose(file)) {
        perror(argc == 2 ? argv[1] : "standard output");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
