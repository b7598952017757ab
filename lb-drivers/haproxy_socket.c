/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_socket.h"

#include "limit.h"
#include "stream_socket.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define READ_BYTES   (16 * 1024)
#define COMMAND_SIZE 512         /* the longest one is a verb and LB_MEMBER bytes */
#define ORDER_BYTES  (16 * 1024) /* "Unknown command" brings all of the help along: 9 KB */
#define QUOTED_SIZE  100         /* of an answer in an error message */
#define HOST_SIZE    256         /* a DNS name has 253 characters */

struct place {
    bool is_unix;
    char path[LIMIT_PATH];
    char host[HOST_SIZE];
    uint64_t port;
};

/* Takes HOST:PORT apart at the last colon, and [IPv6] out of its brackets. */
static bool parse_host_port(const char *text, struct place *place)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;

    if (length == 0 || !text_parse_u64(colon + 1, UINT16_MAX, &place->port) || place->port == 0)
        return false;
    if (text[0] == '[') {
        if (length < 3 || text[length - 1] != ']')
            return false;
        text++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return false; /* IPv6 without brackets: where the port begins is a guess */
    }
    if (length >= sizeof(place->host))
        return false;
    memcpy(place->host, text, length);
    place->host[length] = '\0';
    return true;
}

static bool parse_place(const char *address, struct place *ret_place, struct error *err)
{
    struct place place = {0};
    bool is_good = false;

    if (text_starts_with(address, "unix:/") || text_starts_with(address, "master:/")) {
        place.is_unix = true;
        is_good = TEXT_COPY(place.path, strchr(address, '/')) &&
                  strlen(place.path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
    } else if (text_starts_with(address, "tcp:")) {
        is_good = parse_host_port(address + strlen("tcp:"), &place);
    }
    if (!is_good) {
        error_set(err, ERROR_INVALID, "'%.200s' is no address of a HAProxy stats socket", address);
        error_hint(err, "write unix:/run/haproxy/admin.sock (107 characters at most), "
                        "tcp:HOST:PORT, with an IPv6 address in brackets, or "
                        "master:/run/haproxy-master.sock");
        return false;
    }
    *ret_place = place;
    return true;
}

bool haproxy_check_address(const char *address, struct error *err)
{
    struct place place;
    return parse_place(address, &place, err);
}

static bool connect_to(struct stream_socket *stream, const char *address, struct deadline deadline,
                       struct error *err)
{
    struct place place;

    if (!parse_place(address, &place, err))
        return false;
    if (!place.is_unix)
        return stream_socket_connect_tcp(stream, place.host, (int)place.port, deadline, err);
    if (stream_socket_connect_unix(stream, place.path, deadline, err))
        return true;
    if (err->code == ERROR_DENIED)
        error_hint(err, "let this user write to the socket: be in its group, see 'stats socket … "
                        "group … mode 660' in haproxy.cfg");
    return false;
}

static bool read_to_end(struct stream_socket *stream, struct deadline deadline,
                        struct buffer *answer, struct error *err)
{
    char bytes[READ_BYTES];
    size_t size = 0;

    do {
        if (!stream_socket_read(stream, bytes, sizeof(bytes), deadline, &size, err))
            return false;
        if (size > 0 && deadline_is_over(deadline)) {
            error_set(err, ERROR_TIMEOUT, "the answer has not ended in time");
            return false;
        }
        if (!buffer_add(answer, bytes, size)) {
            error_set(err, ERROR_PROTOCOL, "the answer is longer than %zu bytes", answer->limit);
            return false;
        }
    } while (size > 0);
    if (answer->length == 0) {
        error_set(err, ERROR_UNAVAILABLE, "closed the connection without an answer");
        error_hint(err, "the process is ending, or its stats socket has no connection left "
                        "(stats maxconn)");
        return false;
    }
    return true;
}

/* A caller that was stopped for long before it came here must not be heard: what it wanted may be
 * somebody else's to decide by now. */
static bool has_time(struct deadline deadline, struct error *err)
{
    if (!deadline_is_over(deadline))
        return true;
    error_set(err, ERROR_TIMEOUT, "no time is left to ask");
    return false;
}

static bool exchange(const char *address, const char *command, struct deadline deadline,
                     struct buffer *answer, struct error *err)
{
    struct stream_socket stream;
    char line[COMMAND_SIZE];
    bool is_done = false;

    /* Without its newline a command is not carried out, and the answer is empty all the same. A
     * master waits for the next one, where a process hangs up by itself. */
    const char *last = text_starts_with(address, "master:") ? "quit\n" : "";
    int length = snprintf(line, sizeof(line), "%s\n%s", command, last);
    if (length < 0 || (size_t)length >= sizeof(line)) {
        error_set(err, ERROR_INVALID, "the command is too long");
        return false;
    }
    stream_socket_init(&stream);
    is_done = connect_to(&stream, address, deadline, err) && has_time(deadline, err) &&
              stream_socket_write(&stream, line, (size_t)length, deadline, err) &&
              read_to_end(&stream, deadline, answer, err);
    stream_socket_close(&stream);
    return is_done;
}

/* What HAProxy says instead of doing it, from 2.0 to 3.0. */
static const struct refusal {
    const char *text; /* the answer's beginning */
    enum error_code code;
    const char *hint;
} refusals[] = {
    {"No such server", ERROR_NOT_FOUND, "compare with the server lines of haproxy.cfg"},
    {"No such backend", ERROR_NOT_FOUND, "compare with the backend lines of haproxy.cfg"},
    {"Can't find backend", ERROR_NOT_FOUND, "compare with the backend lines of haproxy.cfg"},
    {"No such proxy", ERROR_NOT_FOUND, "compare with the backend lines of haproxy.cfg"},
    {"No such session", ERROR_NOT_FOUND, "it has ended"},
    {"Permission denied", ERROR_DENIED,
     "give the 'stats socket' line of haproxy.cfg 'level admin'"},
    {"Unknown command", ERROR_INVALID,
     "unix: and tcp: take the stats socket of HAProxy 2.0 or later, master: its master socket"},
    {"Can't find the target", ERROR_UNAVAILABLE,
     "HAProxy is being reloaded, or could not read its configuration: see its log"},
    {"Backend is using a static LB algorithm", ERROR_INVALID,
     "return.ramp needs 'balance roundrobin' or 'leastconn', of which weights can change"},
    {"Require 'backend/server'", ERROR_INVALID, "a member is written BACKEND/SERVER"},
    {"'set server <srv> state' expects", ERROR_INVALID, "this HAProxy lacks drain or maint"},
};

/* Text from outside, fit to stand in a message: its first line, printable. */
static void quote(const struct buffer *answer, char text[QUOTED_SIZE])
{
    size_t length = 0;

    while (length < answer->length && length + 1 < QUOTED_SIZE && answer->data[length] != '\n') {
        char c = answer->data[length];
        text[length++] = c;
        if (c < ' ' || c > '~')
            text[length - 1] = '?';
    }
    text[length] = '\0';
}

static bool check_refusal(const struct buffer *answer, struct error *err)
{
    char text[QUOTED_SIZE];

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!text_starts_with(buffer_text(answer), refusals[i].text))
            continue;
        quote(answer, text);
        error_set(err, refusals[i].code, "HAProxy refuses: %s", text);
        error_hint(err, "%s", refusals[i].hint);
        return false;
    }
    return true;
}

bool haproxy_ask(const char *address, const char *command, struct deadline deadline,
                 struct buffer *ret_answer, struct error *err)
{
    return exchange(address, command, deadline, ret_answer, err) && check_refusal(ret_answer, err);
}

bool haproxy_order(const char *address, const char *command, struct deadline deadline,
                   struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    char text[QUOTED_SIZE];

    buffer_init(&answer, ORDER_BYTES);
    if (!haproxy_ask(address, command, deadline, &answer, err))
        return false;
    if (answer.length == 1 && answer.data[0] == '\n')
        return true;
    quote(&answer, text);
    error_set(err, ERROR_PROTOCOL, "'%s' is answered by '%s', where an empty line means success",
              command, text);
    return false;
}
