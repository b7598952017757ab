/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message vocabulary: all that a controller and an agent ever say to each other.
 *
 * A command asks one agent to do one verb; its id makes it idempotent: an agent that has seen the
 * id answers from its record. Reports are the agent's answers, and are about one command, or about
 * none (REPORT_HELLO). Both are plain data; message_codec.h puts them on the wire as signed JSON.
 */
#ifndef SHUNT_MESSAGE_H
#define SHUNT_MESSAGE_H

#include "error.h"
#include "limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole set: an agent obeys these and nothing else. */
enum verb {
    VERB_FACTS,       /* say what this node is: see struct node_facts */
    VERB_STAGE,       /* fetch, verify and unpack a release beside the live tree */
    VERB_UNSTAGE,     /* remove a staged release that is neither running nor the last good one */
    VERB_CONNECTIONS, /* wait until no connection is established on the node's ports */
    VERB_STOP,        /* stop gracefully; done when the process is proved gone */
    VERB_SWITCH,      /* point the install link at `version`, durably */
    VERB_SWITCH_BACK, /* point it back at `version`, which was running before */
    VERB_START,       /* start; done when the pid is alive */
    VERB_PROBE,       /* wait until the node's own /status is RUNNING at `version` */
    VERB_WATCH,       /* watch for duration_ms: failed at once if the process dies or says ERROR */
    VERB_CUSTOMISATIONS, /* tell what was changed in the install directory; with `artifact`, the
                            distribution of `version`, what becomes of it there */
    VERB_PRUNE,          /* remove old releases but `version` and `previous_version` */
    VERB_LB_READ,        /* tell the state of `members` of a load balancer of this host */
    VERB_LB_SET,         /* put them into the state `admin`; done when it reads back */
    VERB_LB_CUT,         /* end the sessions that they have left */
    VERB_CANCEL,         /* end the job of command `target_id`, if it runs */
    VERB_COUNT
};

const char *verb_name(enum verb verb);
bool verb_parse(const char *name, enum verb *ret_verb);

/* Changes something on the host: refused from a stale epoch, recorded before it is done. */
bool verb_is_effect(enum verb verb);
/* Asked so often that nothing of it is recorded: one that is lost is asked anew, by another id. */
bool verb_is_question(enum verb verb);

/* What of an agent's host a verb is about. Of each, one thing is changed at a time. */
enum verb_subject {
    SUBJECT_HOST, /* the agent itself: every agent obeys */
    SUBJECT_NODE, /* Bitbucket */
    SUBJECT_LB,   /* a load balancer that can be changed on that host only */
};
enum verb_subject verb_subject(enum verb verb);

/* An id is 1 to LIMIT_ID - 1 of [a-z A-Z 0-9 . _ : -], not beginning with "." or "-". */
bool message_is_id(const char *text);
/* 64 lower-case hexadecimal digits. */
bool message_is_sha256(const char *text);

/* Members of one load balancer, as it knows them. */
struct message_members {
    size_t count;
    char names[LIMIT_LB_MEMBERS][LIMIT_LB_MEMBER];
};

#define MESSAGE_WORD 16 /* of the state of a member, incl. NUL */

struct command {
    char id[LIMIT_ID];        /* unique; the same id is the same command */
    char cluster[LIMIT_NAME]; /* the addressee: */
    char node[LIMIT_NAME];
    uint64_t epoch;     /* fencing number of the leading controller */
    int64_t issued_ms;  /* wall clock of the controller, Unix epoch */
    int64_t expires_ms; /* refused when it arrives later; a repeat of a known id is not */
    enum verb verb;

    /* Arguments; empty or 0 where the verb does not take them (see the table in message.c). */
    char version[LIMIT_VERSION];
    char previous_version[LIMIT_VERSION];
    char artifact[LIMIT_URL];      /* absolute path on the node, or http(s) URL */
    char sha256[LIMIT_SHA256_HEX]; /* lower-case hex */
    char target_id[LIMIT_ID];
    int64_t deadline_ms;            /* for the work, counted from its start; 0 = none */
    int64_t duration_ms;            /* VERB_WATCH */
    bool force;                     /* STOP: although connections are established */
    bool kill;                      /* STOP: SIGKILL at the deadline, instead of a failure */
    char load_balancer[LIMIT_NAME]; /* as the agent's configuration names it */
    struct message_members members;
    char admin[MESSAGE_WORD]; /* LB_SET: "up", "drain" or "down" */
};

enum command_argument {
    ARGUMENT_VERSION = 1 << 0,
    ARGUMENT_PREVIOUS_VERSION = 1 << 1,
    ARGUMENT_ARTIFACT = 1 << 2,
    ARGUMENT_SHA256 = 1 << 3,
    ARGUMENT_TARGET = 1 << 4,
    ARGUMENT_DEADLINE = 1 << 5,
    ARGUMENT_DURATION = 1 << 6,
    ARGUMENT_FORCE = 1 << 7,
    ARGUMENT_KILL = 1 << 8,
    ARGUMENT_LOAD_BALANCER = 1 << 9,
    ARGUMENT_MEMBERS = 1 << 10,
    ARGUMENT_ADMIN = 1 << 11,
};

/* Which arguments a verb must have and may have, as bits of enum command_argument. */
unsigned verb_required_arguments(enum verb verb);
unsigned verb_optional_arguments(enum verb verb);

/* ERROR_INVALID naming the field: a name, version, path or hash of the wrong form, an argument that
 * is missing, or one that the verb does not take. */
bool command_validate(const struct command *command, struct error *err);

enum report_kind {
    REPORT_HELLO,    /* the agent has started; no command id */
    REPORT_ACCEPTED, /* the command is recorded and begins */
    REPORT_PROGRESS, /* still at it; figures are up to date */
    REPORT_DONE,     /* proved done */
    REPORT_FAILED,   /* tried, ended without success; error says how */
    REPORT_REFUSED,  /* not tried: expired, stale, malformed, not allowed now */
    REPORT_KIND_COUNT
};

const char *report_kind_name(enum report_kind kind);
bool report_kind_parse(const char *name, enum report_kind *ret_kind);
bool report_kind_is_final(enum report_kind kind);

/* Something wrong with a node's host, and what to do about it; in words, for people. */
#define MESSAGE_COMPLAINTS 8
struct node_complaint {
    char message[384];
    char hint[ERROR_HINT_SIZE]; /* "" = none */
};

/* Whether a node has the disk that staging an artifact takes; in words, for people. */
struct node_room {
    char detail[128];  /* what is needed, and where that is known from; "" = nobody has asked */
    char failure[384]; /* "" = there is room, or it is not known */
    char hint[ERROR_HINT_SIZE];
};

/* What an agent knows of its node. Empty text and -1 mean "not known", never "none". */
struct node_facts {
    char agent_version[LIMIT_VERSION];
    char running_version[LIMIT_VERSION]; /* of the install tree the process runs from */
    char linked_version[LIMIT_VERSION];  /* of the tree the install link points at */
    char install_root[LIMIT_PATH];       /* holds one directory a release */
    char home[LIMIT_PATH];               /* BITBUCKET_HOME */
    char releases[512];                  /* versions on disk, space separated, lowest first */
    int64_t pid;                         /* of Bitbucket; 0 = proved not running */
    int64_t free_bytes;                  /* on the file system of install_root */
    int64_t free_inodes;
    int64_t load_1m_x100;   /* load average * 100 */
    int64_t clock_ms;       /* the node's wall clock when it answered */
    size_t complaint_count; /* FACTS; a HELLO has none, since finding them takes a while */
    struct node_complaint complaints[MESSAGE_COMPLAINTS];
    struct node_room room; /* FACTS with an artifact and its version */
};

/* How one member is; what the figures mean stands in lb-drivers/lb_driver.h. */
struct message_member {
    char member[LIMIT_LB_MEMBER];
    char admin[MESSAGE_WORD];  /* "up", "drain" or "down" */
    char health[MESSAGE_WORD]; /* "up", "changing", "down" or "unknown" */
    bool is_checked;
    int64_t sessions; /* -1 = not known */
    int64_t settle_ms;
    int64_t weight; /* -1 = not known */
    int64_t peers_up;
};

/* One change of an administrator's in the install directory. */
struct message_customisation {
    char path[192];             /* below it; cut where it is longer */
    char kind[MESSAGE_WORD];    /* "added", "changed" or "removed" */
    char outcome[MESSAGE_WORD]; /* in the new release, node-agent/carry.h; "" = not tried */
    char why[128];              /* of a conflict */
};

#define LIMIT_CUSTOMISATIONS 24   /* as many are told, conflicts first */
#define LIMIT_HUNKS          8192 /* bytes of text that shows them, incl. NUL */

#define MESSAGE_FIGURE_MOST (1LL << 40) /* of a member: sums of them stay in an int64_t */

/* True for the words above, whoever says them. */
bool message_is_admin(const char *word);
bool message_is_health(const char *word);
/* Without control characters, and well-formed UTF-8: no reader of the log is misled. */
bool message_is_printable(const char *text);

struct report {
    char command_id[LIMIT_ID]; /* empty for REPORT_HELLO */
    char cluster[LIMIT_NAME];
    char node[LIMIT_NAME];
    enum report_kind kind;
    enum verb verb;                /* of the command; VERB_FACTS for REPORT_HELLO */
    uint64_t epoch;                /* the highest the agent has seen */
    int64_t at_ms;                 /* the node's wall clock */
    int64_t elapsed_ms;            /* since the job began */
    int64_t connections;           /* CONNECTIONS, STOP: established now; -1 = not counted */
    int64_t bytes_done;            /* STAGE */
    int64_t bytes_total;           /* STAGE; -1 = not known */
    char sha256[LIMIT_SHA256_HEX]; /* STAGE done: of the artifact as it was read */
    struct error error;            /* FAILED, REFUSED */
    bool has_facts;                /* HELLO, FACTS */
    struct node_facts facts;
    bool is_blind;       /* LB_READ: that load balancer never knows sessions */
    size_t member_count; /* LB_READ done: in the order of the command */
    struct message_member members[LIMIT_LB_MEMBERS];
    int64_t customisations_total; /* CUSTOMISATIONS: found */
    int64_t conflicts_total;
    size_t customisation_count; /* told here */
    struct message_customisation customisations[LIMIT_CUSTOMISATIONS];
    char hunks[LIMIT_HUNKS]; /* of conflicts, or of all changed texts where nothing was tried */
};

#endif
