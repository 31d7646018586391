/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on, as an administrator writes them. */
#include <netinet/in.h>
#include <sys/un.h>

#include "fuzz/fuzz.h"
#include "http/listen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), error[128];
    struct listen_address address;

    if (listen_address_parse(text, &address, error, sizeof(error)) == 0) {
        PROMISE(strcmp(address.text, text) == 0);
        PROMISE(address.length <= sizeof(address.address));
        if (address.address.ss_family == AF_UNIX)
            PROMISE(((struct sockaddr_un *)&address.address)->sun_path[0] == '/');
        else
            PROMISE(address.address.ss_family == AF_INET || address.address.ss_family == AF_INET6);
    } else {
        PROMISE(strlen(error) > 0);
    }
    free(text);
    return 0;
}
