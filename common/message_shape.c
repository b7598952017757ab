/* SPDX-License-Identifier: Apache-2.0 */
#include "message_shape.h"

#include "check.h"
#include "text.h"

static bool has_place(const struct field *field, unsigned scope)
{
    return field->scope == 0 || (field->scope & scope) != 0;
}

static json_t *members_value(const struct message_members *members)
{
    json_t *list = json_array();
    for (size_t i = 0; i < members->count; i++) {
        int failure = json_array_append_new(list, json_text(members->names[i]));
        CHECK(failure == 0);
    }
    return list;
}

static json_t *value_of(const struct field *field, const void *member)
{
    switch (field->type) {
    case FIELD_TEXT:
        return json_text(member);
    case FIELD_INTEGER:
        return json_integer(*(const int64_t *)member);
    case FIELD_EPOCH:
        CHECK(*(const uint64_t *)member <= INT64_MAX);
        return json_integer((json_int_t) * (const uint64_t *)member);
    case FIELD_FLAG:
        return json_boolean(*(const bool *)member);
    case FIELD_VERB:
        return json_string(verb_name(*(const enum verb *)member));
    case FIELD_KIND:
        return json_string(report_kind_name(*(const enum report_kind *)member));
    case FIELD_ERROR_CODE:
        return json_string(error_code_name(*(const enum error_code *)member));
    case FIELD_MEMBERS:
        return members_value(member);
    }
    return NULL;
}

/* An optional member that says nothing is left out. */
static bool says_something(const struct field *field, const void *member)
{
    if (field->type == FIELD_TEXT)
        return *(const char *)member != '\0';
    if (field->type == FIELD_INTEGER)
        return *(const int64_t *)member != field->least;
    if (field->type == FIELD_MEMBERS)
        return ((const struct message_members *)member)->count != 0;
    return field->type != FIELD_FLAG || *(const bool *)member;
}

json_t *shape_write(struct shape shape, const void *record)
{
    json_t *object = json_object();
    for (size_t i = 0; i < shape.count; i++) {
        const struct field *field = &shape.fields[i];
        const void *member = (const char *)record + field->offset;
        if (!has_place(field, shape.scope) || (field->scope != 0 && !says_something(field, member)))
            continue;
        int failure = json_object_set_new(object, field->name, value_of(field, member));
        CHECK(failure == 0);
    }
    return object;
}

static bool unknown_word(const struct field *field, const char *word, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "'%s' is '%s', which is not known here", field->name, word);
    return false;
}

static bool read_word(const struct field *field, const json_t *object, void *member,
                      struct error *err)
{
    char word[LIMIT_NAME];
    if (!json_get_text(object, field->name, word, sizeof(word), err))
        return false;
    if (field->type == FIELD_VERB)
        return verb_parse(word, member) || unknown_word(field, word, err);
    if (field->type == FIELD_KIND)
        return report_kind_parse(word, member) || unknown_word(field, word, err);
    enum error_code code = error_code_parse(word);
    *(enum error_code *)member = code;
    return code != ERROR_NONE || unknown_word(field, word, err);
}

static bool read_epoch(const struct field *field, const json_t *object, uint64_t *epoch,
                       struct error *err)
{
    int64_t number;
    if (!json_get_integer(object, field->name, 0, INT64_MAX, &number, err))
        return false;
    *epoch = (uint64_t)number;
    return true;
}

bool shape_not_a_list(const char *name, size_t most, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "'%s' is not a list of at most %zu", name, most);
    return false;
}

static bool read_members(const struct field *field, const json_t *object,
                         struct message_members *members, struct error *err)
{
    const json_t *list = json_object_get(object, field->name);
    if (!json_is_array(list) || json_array_size(list) > LIMIT_LB_MEMBERS)
        return shape_not_a_list(field->name, LIMIT_LB_MEMBERS, err);
    members->count = json_array_size(list);
    for (size_t i = 0; i < members->count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL && TEXT_COPY(members->names[i], text))
            continue;
        error_set(err, ERROR_PROTOCOL, "'%s' has an entry that is no text of less than %d bytes",
                  field->name, LIMIT_LB_MEMBER);
        return false;
    }
    return true;
}

static bool read_field(const struct field *field, const json_t *object, void *member,
                       struct error *err)
{
    switch (field->type) {
    case FIELD_TEXT:
        return json_get_text(object, field->name, member, field->size, err);
    case FIELD_INTEGER:
        return json_get_integer(object, field->name, field->least, INT64_MAX, member, err);
    case FIELD_EPOCH:
        return read_epoch(field, object, member, err);
    case FIELD_FLAG:
        return json_get_bool(object, field->name, member, err);
    case FIELD_VERB:
    case FIELD_KIND:
    case FIELD_ERROR_CODE:
        return read_word(field, object, member, err);
    case FIELD_MEMBERS:
        return read_members(field, object, member, err);
    }
    return false;
}

bool shape_read(struct shape shape, bool wants_scoped, const json_t *object, void *record,
                struct error *err)
{
    for (size_t i = 0; i < shape.count; i++) {
        const struct field *field = &shape.fields[i];
        void *member = (char *)record + field->offset;
        bool is_scoped = field->scope != 0;
        if (is_scoped != wants_scoped)
            continue;
        if (is_scoped && field->type == FIELD_INTEGER)
            *(int64_t *)member = field->least;
        bool is_absent = is_scoped && json_object_get(object, field->name) == NULL;
        if (!is_absent && !read_field(field, object, member, err))
            return false;
    }
    return true;
}

bool shape_only(struct shape shape, const char *const *nested, const json_t *object,
                struct error *err)
{
    const char *names[MOST_FIELDS + 1];
    size_t count = 0;
    for (size_t i = 0; i < shape.count; i++) {
        CHECK(count < MOST_FIELDS);
        if (has_place(&shape.fields[i], shape.scope))
            names[count++] = shape.fields[i].name;
    }
    for (; *nested != NULL; nested++) {
        CHECK(count < MOST_FIELDS);
        names[count++] = *nested;
    }
    names[count] = NULL;
    return json_only_keys(object, names, err);
}

const char *const shape_nothing_nested[] = {NULL};

bool shape_read_inner(struct shape shape, const json_t *object, void *record, struct error *err)
{
    return shape_only(shape, shape_nothing_nested, object, err) &&
           shape_read(shape, false, object, record, err);
}
