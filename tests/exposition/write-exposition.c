/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the body of a made-up host, for the parsers in tests/conformance/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors.h"
#include "exposition/exposition.h"
#include "host.h"

int main(int argc, char **argv)
{
    static const struct exposition_options options = {
        .layout = {.version = "1.2.3", .collectors = COLLECTORS_ALL}};
    enum exposition_format format;
    struct snapshot *snapshot;
    struct buf out = BUF_NULL;
    int error;

    if (argc != 5) {
        fprintf(stderr, "usage: %s DOMAINS VCPUS text|openmetrics plain|hostile\n", argv[0]);
        return 2;
    }
    format = strcmp(argv[3], "openmetrics") == 0 ? FORMAT_OPENMETRICS : FORMAT_TEXT;
    snapshot = host_new((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10),
                        strcmp(argv[4], "hostile") == 0);
    error = exposition_render_once(snapshot, format, &options, &out);
    if (error || fwrite(out.data, 1, out.length, stdout) != out.length || fflush(stdout))
        return 1;
    buf_deinit(&out);
    snapshot_unref(snapshot);
    return 0;
}
