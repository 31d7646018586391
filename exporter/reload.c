/* SPDX-License-Identifier: Apache-2.0 */
/* See reload.h. */
#include "reload.h"

#include <string.h>

#include "exposition/process.h"

#define STAYS "the configuration in use stays"

static void on_change(void *userdata, const char *name, bool reloads)
{
    if (reloads)
        log_event(LOG_LEVEL_INFO, LOG_FIELDS({"option", name}), "%s changed", name);
}

static void on_difference(void *userdata, const char *name, bool reloads)
{
    if (!reloads)
        log_event(LOG_LEVEL_WARNING, LOG_FIELDS({"option", name}),
                  "%s changed: that needs a restart, until then the old value is in use", name);
}

int reload_options(int argc, char *const argv[], const struct options *started,
                   const struct options *current, struct options *ret_fresh)
{
    struct options fresh;
    char error[OPTIONS_ERROR_MAX];
    int r;

    r = options_parse(argc, argv, &fresh, error, sizeof(error));
    if (r != 0) {
        log_error("%s; " STAYS, error);
        process_note_reload(false);
        return r;
    }
    r = log_set_format(fresh.log_format);
    if (r < 0) {
        log_error("log.format: no journal runs here; " STAYS);
        options_deinit(&fresh);
        process_note_reload(false);
        return r;
    }
    log_set_level(fresh.log_level);
    options_compare(current, &fresh, on_change, NULL);
    options_compare(started, &fresh, on_difference, NULL);
    log_info("the configuration was read anew");
    process_note_reload(true);
    *ret_fresh = fresh;
    return 0;
}
