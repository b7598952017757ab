/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program for the driver exec, as an operator would write one, but in C so that hundreds of runs
 * take no time: it obeys and answers for the HAProxy process at the address, as
 * lb-drivers/README.md asks for it. It believes what it has ordered: to read back is the driver's.
 *
 * Of a unix socket the sessions come along with the members, of TCP they are asked for by
 * themselves.
 */
#include "check.h"
#include "json.h"
#include "lb_driver.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUESTION_BYTES 4096

struct question {
    json_t *json;
    const char *members[LB_MEMBERS];
    size_t count;
    struct deadline deadline;
};

static void print(json_t *answer)
{
    char *text = json_write(answer);
    puts(text);
    free(text);
    json_decref(answer);
}

static int refuse(const struct error *err)
{
    fprintf(stderr, "%s\n", err->message);
    print(json_pack("{s:{s:s, s:s, s:s}}", "error", "code", error_code_name(err->code), "message",
                    err->message, "hint", err->hint));
    return 1;
}

static void add_sessions(json_t *entry, const struct lb_member_state *state)
{
    json_object_set_new(entry, "sessions",
                        state->sessions < 0 ? json_null() : json_integer(state->sessions));
}

static json_t *describe(const struct lb_member_state *state)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I}", "member", state->member, "admin",
                     lb_admin_name(state->admin), "health", lb_health_name(state->health),
                     "checked", state->is_checked, "weight", (json_int_t)state->weight, "peers_up",
                     (json_int_t)state->peers_up);
}

static int read_and_print(const struct lb *lb, const struct question *question, const char *verb)
{
    struct lb_member_state states[LB_MEMBERS];
    struct error err;
    bool is_members = text_equal(verb, "members");
    if (!lb->driver->read_members(lb, question->members, question->count, question->deadline,
                                  states, &err))
        return refuse(&err);
    json_t *list = json_array();
    for (size_t i = 0; i < question->count; i++) {
        json_t *entry =
            is_members ? describe(&states[i]) : json_pack("{s:s}", "member", states[i].member);
        if (!is_members || text_starts_with(lb->options.addresses[0], "unix:"))
            add_sessions(entry, &states[i]);
        json_array_append_new(list, entry);
    }
    print(json_pack("{s:o}", "members", list));
    return 0;
}

static int obey(const struct lb *lb, const struct question *question, const char *verb)
{
    struct error err;
    for (enum lb_admin admin = LB_ADMIN_UP; admin <= LB_ADMIN_DOWN; admin++) {
        if (!text_equal(verb, lb_admin_name(admin)))
            continue;
        if (!lb->driver->set_members(lb, question->members, question->count, admin,
                                     question->deadline, &err) &&
            err.code != ERROR_CONFLICT)
            return refuse(&err);
        print(json_object());
        return 0;
    }
    error_set(&err, ERROR_INVALID, "there is no verb '%s'", verb);
    return refuse(&err);
}

static void read_question(struct question *question)
{
    char text[QUESTION_BYTES];
    const char *time_text = getenv("SHUNT_TIME_MS");
    size_t size = fread(text, 1, sizeof(text), stdin);
    struct error err;
    json_t *name;
    size_t i;
    CHECK(time_text != NULL && getenv("HOME") == NULL);
    CHECK(json_read_object(text, size, &question->json, &err));
    json_array_foreach(json_object_get(question->json, "members"), i, name)
    {
        CHECK(i < LB_MEMBERS && json_is_string(name));
        question->members[question->count++] = json_string_value(name);
    }
    question->deadline = deadline_after_ms(strtoll(time_text, NULL, 10));
}

int main(int argc, char **argv)
{
    struct lb lb = {.driver = lb_driver_find("haproxy"), .options.address_count = 1};
    struct question question = {0};
    CHECK(argc == 3 && TEXT_COPY(lb.options.addresses[0], argv[2]));
    read_question(&question);
    bool is_question = text_equal(argv[1], "members") || text_equal(argv[1], "sessions");
    int status =
        is_question ? read_and_print(&lb, &question, argv[1]) : obey(&lb, &question, argv[1]);
    json_decref(question.json);
    return status;
}
