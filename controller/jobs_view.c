/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poller of a cluster's view: one job while an upgrade runs, quick while the view decides when
 * something goes on. Every node is asked directly, the best source first, never one that is being
 * worked on: its own word is no proof, and a call would look like traffic.
 */
#include "jobs.h"

#include "check.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define VIEW_FAST_MS     15
#define VIEW_FAST_FOR_MS 5000 /* since something happened: what takes longer is no matter of ms */
#define VIEW_LASTING_MS  50
#define VIEW_SLOW_MS     1000
#define VIEW_TROUBLE_MS  250
#define LB_SERVING_MS    5000 /* between two looks at nodes that should have their traffic */
#define LB_COMPARE_MS    250  /* between two looks whether a comparison with LBs is due */

struct wanted {
    uint32_t node;   /* index in the upgrade */
    int config_node; /* and in the configuration */
    bool is_taken;   /* what the core believes */
    enum lb_admin admin;
    bool is_quarantined;
};

struct orders {
    unsigned number; /* as cluster->orders when they were given */
    enum view_need need;
    int64_t fast_ms; /* monotonic: since when it is needed fast */
    uint32_t source_count;
    uint32_t sources[LIMIT_NODES]; /* index in the upgrade */
    int config_nodes[LIMIT_NODES]; /* of each source, in the configuration */
    uint32_t wanted_count;
    struct wanted wanted[LIMIT_NODES];
};

struct view_job {
    struct pool_job base;
    struct shell *shell;
    struct cluster *cluster;
    struct bitbucket *bitbucket;
    int64_t compared_ms[LIMIT_LBS]; /* monotonic: what each has, with what is wanted */
    int64_t looked_ms[LIMIT_LBS];   /* monotonic: for nodes that should have their traffic */
    uint8_t taken[LIMIT_NODES];     /* by node of the configuration: bit of each LB in which it is
                                       out, and not by us, as last seen */
    uint8_t looked[LIMIT_NODES];    /* by the same: which LBs were looked at for that */
    uint8_t shut_out[LIMIT_NODES];  /* by the same: in which it was seen out since it is to be */
    pthread_mutex_t lock;           /* the main thread writes the orders, the worker copies them */
    struct orders orders;
};

static void end(struct pool_job *base)
{
    struct view_job *job = (struct view_job *)base;
    bitbucket_free(job->bitbucket);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void tell(struct view_job *job, uint32_t source, struct cluster_view *view, int64_t asked_ms)
{
    atomic_store(&job->cluster->is_view_queued, true);
    struct item *item = item_new(ITEM_EVENT, job->base.cluster);
    item->event.kind = EVENT_VIEW;
    item->event.asked_ms = asked_ms;
    item->event.view_source = source;
    item->view = view;
    queue_put(job->shell->queue, item);
}

static bool read_one(struct view_job *job, const struct orders *orders)
{
    FREE_CLEANUP struct cluster_view *view = memory_resize(NULL, 1, sizeof(*view)); /* to fill */
    struct error err;
    if (job->bitbucket == NULL && !bitbucket_new(job->cluster->config, &job->bitbucket, &err))
        return false;
    for (uint32_t i = 0; i < orders->source_count; i++) {
        const char *url = job->cluster->config->nodes[orders->config_nodes[i]].url;
        int64_t asked_ms = clock_wall_ms();
        if (!bitbucket_read_view(job->bitbucket, url, deadline_after_ms(JOB_CALL_MS), view, &err))
            continue;
        tell(job, orders->sources[i], MEMORY_STEAL(view), asked_ms);
        return true;
    }
    return false; /* the core sees its age: unknown counts as out */
}

/* A node that fails after it was returned has its traffic from us, and is quarantined then. */
static void tell_taken(const struct view_job *job, size_t lb, const struct wanted *wanted)
{
    const struct cluster_config *config = job->cluster->config;
    const char *node = config->nodes[wanted->config_node].name, *name = config->lbs[lb].lb.name;
    if (wanted->is_quarantined && (job->shut_out[wanted->config_node] & 1u << lb) == 0)
        log_notice("cluster %s: node %s is quarantined: taken out at %s", config->name, node, name);
    else
        log_warning("cluster %s: node %s was given back its traffic at %s by somebody else, or by "
                    "a reload; taken out again",
                    config->name, node, name);
}

/* False where the load balancer is away, and need not be asked for the next node. */
static bool compare_node(struct view_job *job, size_t lb, unsigned orders,
                         const struct wanted *wanted)
{
    const struct cluster_config *config = job->cluster->config;
    enum lb_restriction restriction;
    struct error err;
    if (!lb_restrict(job->cluster, lb, wanted->config_node, wanted->admin, orders, &restriction,
                     &err)) {
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s", config->name);
        return !error_code_is_transient(err.code);
    }
    if (restriction == LB_TOLD_AGAIN)
        log_notice("cluster %s: node %s: what %s had could not be read; it is out there",
                   config->name, config->nodes[wanted->config_node].name, config->lbs[lb].lb.name);
    else if (restriction == LB_TAKEN_AGAIN)
        tell_taken(job, lb, wanted);
    if (atomic_load(&job->cluster->orders) == orders) /* or it was not looked at */
        job->shut_out[wanted->config_node] |= (uint8_t)(1u << lb);
    return true;
}

_Static_assert(LIMIT_LBS <= 8, "taken, looked and shut_out have a bit an LB");

static void tell_traffic(struct view_job *job, uint32_t node, bool is_taken)
{
    struct item *item = item_new(ITEM_EVENT, job->base.cluster);
    item->event.kind = EVENT_TRAFFIC;
    item->event.node = node;
    item->event.is_taken = is_taken;
    queue_put(job->shell->queue, item);
}

/* A node that should have its traffic and has not stays as somebody wants it. False where the load
 * balancer is away. */
static bool look_at_node(struct view_job *job, size_t lb, unsigned orders,
                         const struct wanted *wanted)
{
    const struct cluster_config *config = job->cluster->config;
    uint8_t *taken = &job->taken[wanted->config_node], before = *taken;
    struct lb_member_state state;
    struct error err;
    if (config->lbs[lb].nodes[wanted->config_node].count == 0) {
        job->looked[wanted->config_node] |= (uint8_t)(1u << lb);
        return true;
    }
    if (!lb_read_node(job->cluster, lb, wanted->config_node, &state, &err))
        return !error_code_is_transient(err.code);
    if (atomic_load(&job->cluster->orders) != orders)
        return true; /* seen while we changed it ourselves */
    bool is_out = state.admin != LB_ADMIN_UP;
    *taken = (uint8_t)(is_out ? before | 1u << lb : before & ~(1u << lb));
    job->looked[wanted->config_node] |= (uint8_t)(1u << lb);
    if ((before != 0) == (*taken != 0))
        return true;
    log_warning("cluster %s: node %s %s at %s by somebody else", config->name,
                config->nodes[wanted->config_node].name,
                *taken != 0 ? "was taken out of traffic" : "was given back its traffic",
                config->lbs[lb].lb.name);
    return true;
}

static void look(struct view_job *job, const struct orders *orders, size_t lb, int64_t now_ms)
{
    int64_t every_ms = job->cluster->config->lbs[lb].lb.driver->compare_ms;
    if (now_ms < job->looked_ms[lb] + (every_ms > LB_SERVING_MS ? every_ms : LB_SERVING_MS))
        return;
    for (uint32_t i = 0; i < orders->wanted_count; i++)
        if (orders->wanted[i].admin == LB_ADMIN_UP &&
            !look_at_node(job, lb, orders->number, &orders->wanted[i]))
            break;
    job->looked_ms[lb] = clock_monotonic_ms();
}

/* What is out because of us now is not remembered as taken by somebody else, nor as out what has
 * its traffic. */
static void forget_others(struct view_job *job, const struct orders *orders)
{
    for (uint32_t i = 0; i < orders->wanted_count; i++) {
        int node = orders->wanted[i].config_node;
        if (orders->wanted[i].admin == LB_ADMIN_UP)
            job->shut_out[node] = 0;
        else
            job->taken[node] = job->looked[node] = 0;
    }
}

/* Each load balancer as often as it is cheap to ask. */
static void compare(struct view_job *job, const struct orders *orders)
{
    const struct cluster_config *config = job->cluster->config;
    forget_others(job, orders);
    for (size_t lb = 0; lb < config->lb_count && orders->wanted_count != 0; lb++) {
        int64_t now_ms = clock_monotonic_ms();
        look(job, orders, lb, now_ms);
        if (now_ms < job->compared_ms[lb] + config->lbs[lb].lb.driver->compare_ms)
            continue;
        for (uint32_t i = 0; i < orders->wanted_count; i++)
            if (orders->wanted[i].admin != LB_ADMIN_UP &&
                !compare_node(job, lb, orders->number, &orders->wanted[i]))
                break;
        job->compared_ms[lb] = clock_monotonic_ms();
    }
}

static int64_t again_ms(const struct orders *orders)
{
    if (orders->need != VIEW_FAST)
        return orders->wanted_count != 0 ? LB_COMPARE_MS : VIEW_SLOW_MS;
    bool is_lasting = clock_monotonic_ms() - orders->fast_ms >= VIEW_FAST_FOR_MS;
    return is_lasting ? VIEW_LASTING_MS : VIEW_FAST_MS;
}

/* Where the core believes otherwise: it may have been rebuilt since it was told, from a journal in
 * which another wrote what it saw. One look shows that a node is out; that it is not, only a look
 * at every load balancer. */
static void tell_what_is_taken(struct view_job *job, const struct orders *orders)
{
    const uint8_t all = (uint8_t)((1u << job->cluster->config->lb_count) - 1);
    for (uint32_t i = 0; i < orders->wanted_count; i++) {
        const struct wanted *wanted = &orders->wanted[i];
        bool is_taken = job->taken[wanted->config_node] != 0;
        bool is_known = is_taken || job->looked[wanted->config_node] == all;
        if (wanted->admin == LB_ADMIN_UP && is_known && is_taken != wanted->is_taken)
            tell_traffic(job, wanted->node, is_taken);
    }
}

static int64_t run(struct pool_job *base)
{
    struct view_job *job = (struct view_job *)base;
    pthread_mutex_lock(&job->lock);
    struct orders orders = job->orders;
    pthread_mutex_unlock(&job->lock);
    if (orders.need == VIEW_NONE)
        return VIEW_SLOW_MS;
    compare(job, &orders);
    if (atomic_load(&job->cluster->is_view_queued)) /* nobody has come to look at the one before */
        return VIEW_FAST_MS;
    tell_what_is_taken(job, &orders);
    bool is_read = read_one(job, &orders);
    rest_leave_client(job->shell, &job->bitbucket);
    return rest_look_ms(job->shell, orders.need, is_read ? again_ms(&orders) : VIEW_TROUBLE_MS);
}

static struct view_job *start(struct shell *shell, struct cluster *cluster)
{
    struct view_job *job = memory_zeroed(1, sizeof(*job));
    job->base.run = run;
    job->base.end = end;
    job->base.cluster = cluster->index;
    job->base.node = NODE_NONE;
    job->base.work = WORK_COUNT;
    job->shell = shell;
    job->cluster = cluster;
    pthread_mutex_init(&job->lock, NULL);
    return job;
}

static void want(struct orders *orders, const struct cluster *cluster)
{
    static const enum lb_admin admins[] = {
        [WANTED_UP] = LB_ADMIN_UP, [WANTED_DRAIN] = LB_ADMIN_DRAIN, [WANTED_DOWN] = LB_ADMIN_DOWN};
    const struct upgrade *upgrade = cluster->upgrade;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        enum wanted_admin wanted = upgrade_wanted_admin(upgrade, i);
        if (wanted == WANTED_ANY)
            continue;
        orders->wanted[orders->wanted_count++] =
            (struct wanted){i, config_find_node(cluster->config, upgrade->nodes[i].name),
                            upgrade->nodes[i].is_taken, admins[wanted],
                            upgrade->nodes[i].place == PLACE_QUARANTINED};
    }
}

static bool is_same(const struct wanted *a, const struct wanted *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].config_node != b[i].config_node || a[i].admin != b[i].admin)
            return false;
    return true;
}

/* A number of its own for what is wanted now; the old one where nothing else is wanted, or what is
 * seen meanwhile would be good for nothing whenever much happens. */
static void renumber(struct orders *orders, const struct orders *before, struct cluster *cluster)
{
    bool is_old = before->number == atomic_load(&cluster->orders) &&
                  before->wanted_count == orders->wanted_count &&
                  is_same(before->wanted, orders->wanted, orders->wanted_count);
    orders->number = is_old ? before->number : atomic_fetch_add(&cluster->orders, 1) + 1;
}

static void instruct(struct orders *orders, struct cluster *cluster)
{
    const struct upgrade *upgrade = cluster->upgrade;
    const struct orders before = *orders;
    orders->need = upgrade_view_need(upgrade);
    orders->source_count = upgrade_view_sources(upgrade, orders->sources);
    for (uint32_t i = 0; i < orders->source_count; i++)
        orders->config_nodes[i] =
            config_find_node(cluster->config, upgrade->nodes[orders->sources[i]].name);
    orders->wanted_count = 0;
    want(orders, cluster);
    renumber(orders, &before, cluster);
}

static void count_looker(struct shell *shell, enum view_need before, enum view_need need)
{
    if (before != VIEW_NONE)
        atomic_fetch_sub(&shell->lookers[before], 1);
    if (need != VIEW_NONE)
        atomic_fetch_add(&shell->lookers[need], 1);
}

/* Called in every step of the core, before its actions begin: starts the poller, tells it what is
 * wanted now. */
void view_poll(struct shell *shell, struct cluster *cluster, bool is_kicked)
{
    struct view_job *job = (struct view_job *)cluster->view_job;
    bool is_new = job == NULL;
    if (is_new && upgrade_view_need(cluster->upgrade) == VIEW_NONE)
        return;
    if (is_new)
        job = start(shell, cluster);
    pthread_mutex_lock(&job->lock);
    enum view_need before = job->orders.need;
    instruct(&job->orders, cluster);
    enum view_need need = job->orders.need;
    bool is_awaited = need == VIEW_FAST && (is_kicked || before != VIEW_FAST);
    if (is_awaited)
        job->orders.fast_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&job->lock);
    count_looker(shell, before, need);
    cluster->view_job = &job->base;
    if (is_new)
        pool_add(shell->pool, &job->base);
    else if (is_awaited)
        pool_kick(shell->pool, cluster->index, &job->base);
}

void view_rest(struct cluster *cluster)
{
    struct view_job *job = (struct view_job *)cluster->view_job;
    if (job == NULL)
        return;
    pthread_mutex_lock(&job->lock);
    count_looker(job->shell, job->orders.need, VIEW_NONE);
    job->orders.need = VIEW_NONE;
    job->orders.wanted_count = 0;
    pthread_mutex_unlock(&job->lock);
}
