/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files. */
#include "fuzz/fuzz.h"
#include "options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[OPTIONS_ERROR_MAX] = "";
    struct options options = OPTIONS_NULL;

    if (options_parse_config("x.yml", data, size, &options, error, sizeof(error)) == 0) {
        PROMISE(options.telemetry_path && options.telemetry_path[0] == '/');
        PROMISE(options.web.max_requests > 0 && options.web.max_connections > 0);
        PROMISE(options.listen_addresses <= OPTIONS_ADDRESSES_MAX);
        options_deinit(&options);
    } else {
        /* One line, for a terminal. */
        PROMISE(error[0] && !strchr(error, '\n') && strlen(error) < sizeof(error));
        for (const char *at = error; *at; at++)
            PROMISE((unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f);
    }
    return 0;
}
