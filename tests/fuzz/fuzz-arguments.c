/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: one argument a line. Of files only the name is of interest here. */
#include <stdbool.h>

#include "fuzz/fuzz.h"
#include "options.h"

#define ARGUMENTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), *at = text, *argv[ARGUMENTS_MAX + 2];
    char error[OPTIONS_ERROR_MAX] = "";
    struct options options = OPTIONS_NULL;
    char program[] = "exporter";
    int argc = 1, r;

    /* Reads files, and writes to standard output. */
    bool outward = strstr(text, "conf") || strstr(text, "help") || strstr(text, "version");

    argv[0] = program;
    while (argc <= ARGUMENTS_MAX && (argv[argc] = strsep(&at, "\n")))
        argc++;
    argv[argc] = NULL;
    if (!outward) {
        r = options_parse(argc, argv, &options, error, sizeof(error));
        if (r == 0) {
            PROMISE(options.telemetry_path && options.telemetry_path[0] == '/');
            PROMISE(options.listen_addresses <= OPTIONS_ADDRESSES_MAX);
            options_deinit(&options);
        } else {
            PROMISE(error[0] && !strchr(error, '\n'));
        }
    }
    free(text);
    return 0;
}
