/* SPDX-License-Identifier: Apache-2.0 */
#include "apache_view.h"

#include "lb_http.h"
#include "text.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

#define FORM_BYTES    1024 /* httpd reads no more of a form, and drops the rest without a word */
#define REFERER_SIZE  (LIMIT_PATH + 16)
#define QUESTION_SIZE (2 * LIMIT_PATH)
#define TYPE_SHOWN    40 /* of a content type in a message */

void apache_view_init(struct apache_view *view, const char *address)
{
    *view = (struct apache_view){.address = address};
    buffer_init(&view->xml, LIMIT_LB_BYTES);
    buffer_init(&view->html, LIMIT_LB_BYTES);
}

void apache_view_done(struct apache_view *view)
{
    buffer_done(&view->xml);
    buffer_done(&view->html);
}

/* Since 2.4.41 the manager drops all parameters of a request whose Referer does not name the
 * server: it is its guard against forged requests, beside the nonce. A connection that is kept over
 * a graceful restart would lead to a process of before it, with counters and flags of its own. */
static bool ask(const struct lb *lb, const char *address, const char *method, const char *url,
                const char *body, struct deadline deadline, struct http_answer *ret_answer,
                struct error *err)
{
    char referer[REFERER_SIZE];
    const char *const headers[] = {
        referer, "Connection: close",
        body != NULL ? "Content-Type: application/x-www-form-urlencoded" : NULL, NULL};
    const struct lb_http_request request = {
        .method = method, .url = url, .headers = headers, .body = body};

    snprintf(referer, sizeof(referer), "Referer: %s", address);
    if (!lb_http_do(lb, &request, deadline, ret_answer, err))
        return false;
    if (lb_http_check_status(ret_answer, err))
        return true;
    http_answer_done(ret_answer);
    return false;
}

static bool is_of_type(const struct http_answer *answer, const char *type)
{
    return text_starts_with(answer->content_type, type);
}

static void complain_foreign(const struct http_answer *answer, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "no balancer-manager answers here, but something else ('%.*s')",
              TYPE_SHOWN, answer->content_type);
    error_hint(err,
               "where the application answers, put 'ProxyPass /balancer-manager !' (the path of "
               "the address) before the ProxyPass of the application");
}

static bool check_xml(const struct http_answer *answer, struct error *err)
{
    if (is_of_type(answer, "text/xml"))
        return true;
    if (apache_is_page(buffer_text(&answer->body), answer->body.length)) {
        error_set(err, ERROR_DENIED,
                  "the balancer-manager drops our parameters: its server name "
                  "is not the address's host");
        error_hint(err, "write the address with the ServerName as its host, or let "
                        "UseCanonicalName be Off");
    } else {
        complain_foreign(answer, err);
    }
    return false;
}

static bool check_html(const struct http_answer *answer, struct error *err)
{
    if (is_of_type(answer, "text/html") &&
        apache_is_page(buffer_text(&answer->body), answer->body.length))
        return true;
    complain_foreign(answer, err);
    return false;
}

static void move_body(struct buffer *ret_bytes, struct http_answer *answer)
{
    buffer_done(ret_bytes);
    *ret_bytes = answer->body;
}

static bool load_page(struct apache_view *view, const struct lb *lb, const char *query,
                      bool (*check)(const struct http_answer *, struct error *),
                      struct buffer *ret_bytes, struct deadline deadline, struct error *err)
{
    struct http_answer answer;
    char url[QUESTION_SIZE];

    snprintf(url, sizeof(url), "%s%s", view->address, query);
    if (!ask(lb, view->address, "GET", url, NULL, deadline, &answer, err))
        return false;
    if (!check(&answer, err)) {
        http_answer_done(&answer);
        return false;
    }
    move_body(ret_bytes, &answer);
    return true;
}

static bool load_status(struct apache_view *view, const struct lb *lb, const char *path,
                        struct deadline deadline, struct error *err)
{
    struct http_answer answer;
    struct url parsed;
    char url[QUESTION_SIZE];

    if (!url_parse(view->address, &parsed, err))
        return false;
    snprintf(url, sizeof(url), "%.*s%s?auto", (int)(parsed.rest - view->address), view->address,
             path);
    if (!ask(lb, view->address, "GET", url, NULL, deadline, &answer, err))
        return false;
    view->has_status =
        apache_read_status(buffer_text(&answer.body), answer.body.length, &view->status, err);
    http_answer_done(&answer);
    if (!view->has_status)
        error_wrap(err, "status_path %s", path);
    return view->has_status;
}

bool apache_view_load(struct apache_view *view, const struct lb *lb, const char *status_path,
                      struct deadline deadline, struct error *err)
{
    return load_page(view, lb, "?xml=1", check_xml, &view->xml, deadline, err) &&
           load_page(view, lb, "", check_html, &view->html, deadline, err) &&
           (status_path == NULL || load_status(view, lb, status_path, deadline, err));
}

bool apache_view_find(const struct apache_view *view, const struct apache_name *name,
                      struct apache_worker *ret_worker, struct apache_page *ret_page,
                      struct error *err)
{
    if (apache_read_worker(buffer_text(&view->xml), view->xml.length, name->balancer, name->worker,
                           ret_worker, err) &&
        apache_read_page(buffer_text(&view->html), view->html.length, name->balancer, name->worker,
                         ret_page, err))
        return true;
    error_wrap(err, "%s/%s", name->balancer, name->worker);
    return false;
}

static bool write_form(struct buffer *form, const struct apache_name *name, const char *nonce,
                       const char *change)
{
    return buffer_add_text(form, "b=") && lb_http_add_encoded(form, name->balancer) &&
           buffer_add_text(form, "&w=") && lb_http_add_encoded(form, name->worker) &&
           buffer_add_text(form, "&nonce=") && lb_http_add_encoded(form, nonce) &&
           buffer_format(form, "&%s", change);
}

bool apache_send_change(const struct lb *lb, const char *address, const struct apache_name *name,
                        const char *nonce, const char *change, struct deadline deadline,
                        struct error *err)
{
    struct buffer form BUFFER_CLEANUP = {0};
    struct http_answer answer;
    bool is_sent = false;

    buffer_init(&form, FORM_BYTES);
    if (!write_form(&form, name, nonce, change))
        error_set(err, ERROR_INVALID, "the names are longer than a form of httpd can be");
    else if (ask(lb, address, "POST", address, buffer_text(&form), deadline, &answer, err)) {
        http_answer_done(&answer);
        is_sent = true;
    }
    if (!is_sent)
        error_wrap(err, "%s/%s", name->balancer, name->worker);
    return is_sent;
}
