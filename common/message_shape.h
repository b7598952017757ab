/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON objects described by tables: one row a member, which says where it is in the struct, of what
 * type, and where it has a place on the wire. For message_codec.c alone.
 */
#ifndef SHUNT_MESSAGE_SHAPE_H
#define SHUNT_MESSAGE_SHAPE_H

#include "json.h"
#include "message.h"

enum field_type {
    FIELD_TEXT,       /* char[size] */
    FIELD_INTEGER,    /* int64_t from least on */
    FIELD_EPOCH,      /* uint64_t; up to INT64_MAX, as JSON readers have it */
    FIELD_FLAG,       /* bool */
    FIELD_VERB,       /* enum verb, by name */
    FIELD_KIND,       /* enum report_kind, by name */
    FIELD_ERROR_CODE, /* enum error_code, by name */
    FIELD_MEMBERS,    /* struct message_members, as a list of texts */
};

/* One member of an object: where it is in the struct, and where it has a place on the wire. */
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    size_t size;
    int64_t least;  /* -1 where that is "not known"; then also what absence means */
    unsigned scope; /* 0: always there. Otherwise optional, and allowed where a bit matches:
                       enum command_argument in commands, 1 << enum verb in reports */
};

#define FIELD(record, member, name, type, least, scope)                                            \
    {                                                                                              \
        name, type, offsetof(struct record, member), sizeof(((struct record *)0)->member), least,  \
            scope                                                                                  \
    }

/* One object's shape and the scope it is read or written in. */
struct shape {
    const struct field *fields;
    size_t count;
    unsigned scope;
};
#define SHAPE(table, scope) ((struct shape){(table), sizeof(table) / sizeof((table)[0]), (scope)})
#define MOST_FIELDS         24 /* of one shape, with the nested objects */

/* A member of the shape without a scope is always there. One with a scope is left out where it says
 * nothing, and then reads as that. */
json_t *shape_write(struct shape shape, const void *record);

/* Reads the members that are always there (wants_scoped false) or the others. */
bool shape_read(struct shape shape, bool wants_scoped, const json_t *object, void *record,
                struct error *err);

/* No other member is there. nested: names of objects inside that are allowed here, NULL-ended. */
bool shape_only(struct shape shape, const char *const *nested, const json_t *object,
                struct error *err);
extern const char *const shape_nothing_nested[];

/* An object inside, which has all members of its shape and no other. */
bool shape_read_inner(struct shape shape, const json_t *object, void *record, struct error *err);

/* Always false. */
bool shape_not_a_list(const char *name, size_t most, struct error *err);

#endif
