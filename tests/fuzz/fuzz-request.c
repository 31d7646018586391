/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: what is not refused can be written down again from its parts, byte by byte, but for
 * white space before values and one thing more. So there is one way only to read it.
 */
#include <strings.h>

#include "fuzz/fuzz.h"
#include "http/parse.h"
#include "http/target.h"

static void check_line(const char **at, const char *end, const char *text)
{
    PROMISE((size_t)(end - *at) >= strlen(text));
    PROMISE(memcmp(*at, text, strlen(text)) == 0);
    *at += strlen(text);
}

/* NULs beside LF are all that cannot be told: the parser writes NULs over both CR and LF. */
static void check_line_end(const char **at, const char *end)
{
    for (int i = 0; i < 2; i++, (*at)++)
        PROMISE(*at < end && memchr("\r\n", **at, 3));
}

/* `text` is what was received. */
static void check_accepted(const struct strict_request *request, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    unsigned int hosts = 0;

    check_line(&at, end, request->method);
    check_line(&at, end, " ");
    check_line(&at, end, request->target);
    check_line(&at, end, " ");
    check_line(&at, end, request->version);
    check_line_end(&at, end);
    for (size_t i = 0; i < request->fields; i++) {
        const struct strict_field *field = &request->field[i];

        PROMISE((size_t)(end - at) >= field->name_length &&
                memcmp(at, field->name, field->name_length) == 0);
        hosts += field->name_length == 4 && strncasecmp(field->name, "host", 4) == 0;
        PROMISE(field->name_length != 17 || strncasecmp(field->name, "transfer-encoding", 17) != 0);
        at += field->name_length;
        check_line(&at, end, ":");
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        check_line(&at, end, field->value);
        check_line_end(&at, end);
    }
    check_line_end(&at, end);
    PROMISE(hosts == 1 || (hosts == 0 && strcmp(request->version, "HTTP/1.0") == 0));
    PROMISE((size_t)(at - text) == request->header_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = (char *)fuzz_copy(data, size), *target = fuzz_string(data, size);
    struct strict_request request;
    struct target parsed;
    char list[STRICT_LIST_MAX];

    if (parse_request(text, size, &request)) {
        enum page page = strict_check(&request);

        PROMISE(page <= PAGES);
        PROMISE(strict_list(&request, "Accept", list) <= sizeof(list));
        if (page == PAGES)
            check_accepted(&request, (const char *)data, size);
    }
    target_parse(target, &parsed);
    PROMISE(parsed.form == TARGET_PATH || parsed.path[0] == '\0');
    PROMISE(parsed.path[0] == '\0' || parsed.path[0] == '/');
    for (const char *at = parsed.path; *at; at++)
        PROMISE((unsigned char)*at >= ' ' && *at != 0x7f);
    (void)target_host_is_valid((const char *)data, size);
    free(text);
    free(target);
    return 0;
}
