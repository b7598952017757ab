/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#include "facts.h"
#include "job_child.h"
#include "log.h"
#include "text.h"

/* ---- commands ---- */

static void refuse(struct dispatch *dispatch, enum refusal refusal, const struct command *command,
                   const struct error *reason)
{
    struct report report;
    dispatch->refused[refusal]++;
    if (!refusal_is_attributed(refusal) || command->id[0] == '\0') {
        log_failure(LOG_LEVEL_WARNING, reason, "command refused, %s", refusal_name(refusal));
        return;
    }
    log_failure(LOG_LEVEL_WARNING, reason, "command %s refused, %s", command->id,
                refusal_name(refusal));
    job_report_init(command, REPORT_REFUSED, &report);
    TEXT_COPY(report.cluster, dispatch->config->cluster);
    TEXT_COPY(report.node, dispatch->config->node);
    report.error = *reason;
    outbox_put(dispatch->outbox, &report);
}

/* A repeat gets what was last said; an end that Redis has not taken yet is on its way anyway, and
 * one that is not in the record yet is told to nobody. */
static void answer(struct dispatch *dispatch, const struct command *command)
{
    const struct record_entry *entry = record_find(dispatch->record, command->id);
    const struct running_job *job = job_runner_find(&dispatch->jobs, command->id);
    struct report report;
    if (entry->report != NULL && !entry->is_sent)
        return;
    if (entry->report != NULL)
        record_entry_report(entry, &report);
    else if (job != NULL && !job->has_ended)
        report = job->report;
    else
        job_report_init(command, REPORT_ACCEPTED, &report);
    log_info("command %s: repeated, answered from the record", command->id);
    outbox_put(dispatch->outbox, &report);
}

static void end_without_job(struct dispatch *dispatch, const struct command *command,
                            const struct error *failure);

/* Nothing of it is recorded. One that is delivered twice has its answer on the way. */
static void begin_question(struct dispatch *dispatch, const struct command *command)
{
    struct running_job *job = job_runner_find(&dispatch->jobs, command->id);
    struct report report;
    if (job != NULL)
        return;
    job_report_init(command, REPORT_FAILED, &report);
    if (!job_runner_start(&dispatch->jobs, command, &job, &report.error))
        outbox_put(dispatch->outbox, &report);
}

/* The command is in the record. */
static void begin_job(struct dispatch *dispatch, const struct command *command)
{
    struct running_job *job;
    struct error err;
    if (!job_runner_start(&dispatch->jobs, command, &job, &err)) {
        end_without_job(dispatch, command, &err);
        return;
    }
    log_info("command %s: %s begins, epoch %llu", command->id, verb_name(command->verb),
             (unsigned long long)command->epoch);
    outbox_put(dispatch->outbox, &job->report);
}

/* Its end is recorded by dispatch_settle(), when there is no such job any more. */
static void begin_cancel(struct dispatch *dispatch, const struct command *command)
{
    struct running_job *job = job_runner_find(&dispatch->jobs, command->target_id);
    struct report report;
    if (job != NULL && !job->has_ended) {
        log_info("command %s: cancels %s", command->id, command->target_id);
        job_runner_cancel(job);
        job_report_init(command, REPORT_ACCEPTED, &report);
        outbox_put(dispatch->outbox, &report);
    }
    dispatch_settle(dispatch);
}

static void accept_command(struct dispatch *dispatch, const struct command *command)
{
    struct error err;
    if (verb_is_question(command->verb))
        begin_question(dispatch, command);
    else if (!record_accept(dispatch->record, command, clock_wall_ms(), &err))
        refuse(dispatch, REFUSAL_NOT_RECORDED, command, &err);
    else if (command->verb == VERB_CANCEL)
        begin_cancel(dispatch, command);
    else
        begin_job(dispatch, command);
}

static void judge(struct dispatch *dispatch, const struct command *command,
                  struct inbox_verdict *ret_verdict)
{
    const struct record_entry *entry = record_find(dispatch->record, command->id);
    const struct running_job *busy = job_runner_busy(&dispatch->jobs, verb_subject(command->verb));
    struct command known = {0};
    if (entry != NULL)
        record_entry_command(entry, &known);
    bool is_cut_off = entry != NULL && entry->report == NULL && entry->verb != VERB_CANCEL &&
                      job_runner_find(&dispatch->jobs, entry->id) == NULL;
    const struct inbox_state state = {
        .cluster = dispatch->config->cluster,
        .node = dispatch->config->node,
        .epoch = record_epoch(dispatch->record),
        .now_ms = clock_wall_ms(),
        .has_bitbucket = dispatch->config->has_bitbucket,
        .has_load_balancers = dispatch->config->lb_count != 0,
        .known = entry != NULL ? &known : NULL,
        .is_cut_off = is_cut_off,
        .busy = busy != NULL ? &busy->command : NULL,
        .job_count = job_runner_count(&dispatch->jobs),
    };
    inbox_decide(&state, command, ret_verdict);
}

static void obey(struct dispatch *dispatch, const struct command *command)
{
    struct inbox_verdict verdict;
    struct error err;
    judge(dispatch, command, &verdict);
    if (verdict.raises_epoch && !record_raise_epoch(dispatch->record, command->epoch, &err)) {
        refuse(dispatch, REFUSAL_NOT_RECORDED, command, &err);
        return;
    }
    switch (verdict.decision) {
    case INBOX_ACCEPT:
        accept_command(dispatch, command);
        break;
    case INBOX_ANSWER:
        answer(dispatch, command);
        break;
    case INBOX_RESUME:
        begin_job(dispatch, command);
        break;
    case INBOX_REFUSE:
        refuse(dispatch, verdict.refusal, command, &verdict.error);
        break;
    }
}

void dispatch_command(struct dispatch *dispatch, const struct channel_entry *entry)
{
    struct command command;
    enum refusal refusal;
    struct error err;
    if (entry->is_gone)
        return;
    if (inbox_open(dispatch->config, entry, &command, &refusal, &err))
        obey(dispatch, &command);
    else
        refuse(dispatch, refusal, &command, &err);
}

/* ---- jobs ---- */

void dispatch_job(struct dispatch *dispatch, struct running_job *job)
{
    if (running_job_read(job) && !job->has_ended)
        outbox_put(dispatch->outbox, &job->report);
}

static void tell_end(const struct report *report)
{
    if (report->kind == REPORT_DONE)
        log_info("command %s: %s is done after %lld ms", report->command_id,
                 verb_name(report->verb), (long long)report->elapsed_ms);
    else
        log_failure(LOG_LEVEL_WARNING, &report->error, "command %s: %s failed", report->command_id,
                    verb_name(report->verb));
}

/* True once the end is durable; until then the report is not sent, and tried again later. That of a
 * question is as fleeting as the question; whoever asked tells of its errors. */
static bool end_command(struct dispatch *dispatch, const struct report *report)
{
    struct error err;
    if (verb_is_question(report->verb)) {
        outbox_put(dispatch->outbox, report);
        return true;
    }
    if (!record_end(dispatch->record, report, &err)) {
        if (!dispatch->is_record_failing)
            log_failure(LOG_LEVEL_ERROR, &err, "command %s has ended, but cannot be recorded",
                        report->command_id);
        dispatch->is_record_failing = true;
        return false;
    }
    dispatch->is_record_failing = false;
    outbox_forget(dispatch->outbox, report->command_id);
    tell_end(report);
    return true;
}

/* failure: NULL = done. */
static void end_without_job(struct dispatch *dispatch, const struct command *command,
                            const struct error *failure)
{
    struct report report;
    job_report_init(command, failure == NULL ? REPORT_DONE : REPORT_FAILED, &report);
    if (failure != NULL)
        report.error = *failure;
    (void)end_command(dispatch, &report);
}

static void settle_jobs(struct dispatch *dispatch)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        struct running_job *job = &dispatch->jobs.jobs[i];
        if (job->is_used && job->has_ended && !job->is_settled &&
            end_command(dispatch, &job->report))
            running_job_settle(job);
    }
}

/* True if an unfinished cancel aims at the command. */
static bool is_to_be_cancelled(const struct dispatch *dispatch, const char *id)
{
    for (size_t i = 0; i < record_count(dispatch->record); i++) {
        const struct record_entry *entry = record_at(dispatch->record, i);
        struct command command;
        if (entry->report != NULL || entry->verb != VERB_CANCEL)
            continue;
        record_entry_command(entry, &command);
        if (text_equal(command.target_id, id))
            return true;
    }
    return false;
}

/* A cancel waits for no other cancel, nor for itself: they could wait for each other. */
static bool is_unfinished_job(const struct dispatch *dispatch, const char *id)
{
    const struct record_entry *entry = record_find(dispatch->record, id);
    return entry != NULL && entry->report == NULL && entry->verb != VERB_CANCEL;
}

/* Nobody may want it any more: whoever gave it up long ago could not tell us. So it goes on only
 * when it is asked for again, and ends where it was cancelled, or where its time is over. */
static void settle_cut_off(struct dispatch *dispatch, const struct command *command)
{
    struct error err;
    if (is_to_be_cancelled(dispatch, command->id))
        error_set(&err, ERROR_CANCELLED, "cancelled");
    else if (command->expires_ms < clock_wall_ms())
        error_set(&err, ERROR_CANCELLED,
                  "cut off by a restart of the agent, and not asked for again");
    else
        return;
    end_without_job(dispatch, command, &err);
}

void dispatch_settle(struct dispatch *dispatch)
{
    settle_jobs(dispatch);
    for (size_t i = 0; i < record_count(dispatch->record); i++) {
        const struct record_entry *entry = record_at(dispatch->record, i);
        struct command command;
        if (entry->report != NULL || job_runner_find(&dispatch->jobs, entry->id) != NULL)
            continue;
        record_entry_command(entry, &command);
        if (command.verb != VERB_CANCEL)
            settle_cut_off(dispatch, &command);
        else if (!is_unfinished_job(dispatch, command.target_id))
            end_without_job(dispatch, &command, NULL);
    }
}

const char *dispatch_verb_name(const struct dispatch *dispatch)
{
    const struct running_job *busy = job_runner_busy(&dispatch->jobs, SUBJECT_NODE);
    for (size_t i = 0; i < INBOX_JOBS_MOST && busy == NULL; i++) {
        const struct running_job *job = &dispatch->jobs.jobs[i];
        if (job->is_used && !job->is_settled)
            busy = job;
    }
    return busy == NULL ? NULL : verb_name(busy->command.verb);
}

/* ---- begin and end ---- */

static void put_hello(struct dispatch *dispatch)
{
    struct report hello = {
        .kind = REPORT_HELLO,
        .verb = VERB_FACTS,
        .at_ms = clock_wall_ms(),
        .connections = -1,
        .bytes_total = -1,
        .has_facts = true,
    };
    TEXT_COPY(hello.cluster, dispatch->config->cluster);
    TEXT_COPY(hello.node, dispatch->config->node);
    facts_collect(dispatch->config, &hello.facts);
    outbox_put(dispatch->outbox, &hello);
}

void dispatch_init(struct dispatch *dispatch, const struct agent_config *config,
                   struct key_pair *key, struct record *record, struct outbox *outbox)
{
    *dispatch = (struct dispatch){.config = config, .record = record, .outbox = outbox};
    job_runner_init(&dispatch->jobs, config, key);
    put_hello(dispatch);
}

void dispatch_done(struct dispatch *dispatch)
{
    job_runner_done(&dispatch->jobs);
}
