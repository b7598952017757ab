/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact_signature.h"

#include "file.h"
#include "http.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX         ".minisig"
#define PLACE_SIZE     (LIMIT_URL + sizeof(SUFFIX))
#define GET_TIMEOUT_MS 30000 /* of a file of 300 bytes */
#define HTTP_OK        200
#define HTTP_NOT_FOUND 404

static bool check_status(const struct http_answer *answer, const char *place, struct error *err)
{
    if (answer->status == HTTP_OK)
        return true;
    error_set(err, answer->status == HTTP_NOT_FOUND ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE,
              "GET %.*s: answered status %d", (int)strcspn(place, "?#"), place, answer->status);
    return false;
}

static bool read_url(const char *place, struct buffer *ret_text, struct error *err)
{
    struct http_options options = {.keep_alive = false};
    struct http_request request = {
        .method = "GET",
        .url = place,
        .most_bytes = MINISIGN_FILE_BYTES,
        .deadline = deadline_after_ms(GET_TIMEOUT_MS),
    };
    struct http_answer answer;
    struct http_client *client = http_client_new(&options);
    bool is_read = http_do(client, &request, &answer, err);
    http_client_free(client);
    if (!is_read)
        return false;
    is_read = check_status(&answer, place, err) &&
              buffer_add(ret_text, buffer_text(&answer.body), answer.body.length);
    http_answer_done(&answer);
    return is_read;
}

/* In a URL the suffix belongs to the path: a query stays behind it. */
static void write_place(const char *artifact, char place[PLACE_SIZE])
{
    size_t length = artifact[0] == '/' ? strlen(artifact) : strcspn(artifact, "?#");
    snprintf(place, PLACE_SIZE, "%.*s%s%s", (int)length, artifact, SUFFIX, artifact + length);
}

static bool read_text(const char *artifact, struct buffer *ret_text, struct error *err)
{
    char place[PLACE_SIZE];
    write_place(artifact, place);
    if (artifact[0] == '/' ? file_read(place, ret_text, err) : read_url(place, ret_text, err))
        return true;
    error_wrap(err, "signature of the artifact");
    if (err->code == ERROR_NOT_FOUND)
        error_hint(err, "bitbucket.signature_key asks for one: put ARTIFACT" SUFFIX " beside it");
    return false;
}

bool artifact_signature_read(struct artifact_signature *signature, const struct job *job,
                             struct error *err)
{
    const struct bitbucket_config *config = &job->config->bitbucket;
    struct buffer BUFFER_CLEANUP text;
    buffer_init(&text, MINISIGN_FILE_BYTES);
    signature->key = NULL;
    if (!config->has_signature_key)
        return true;
    if (!read_text(job->command->artifact, &text, err) ||
        !minisign_signature_parse(buffer_text(&text), &config->signature_key, &signature->signature,
                                  err))
        return false;
    signature->key = &config->signature_key;
    return true;
}

void artifact_signature_begin(struct artifact_signature *signature)
{
    if (signature->key != NULL)
        minisign_hash_init(&signature->hash);
}

void artifact_signature_add(struct artifact_signature *signature, const void *bytes, size_t size)
{
    if (signature->key != NULL)
        minisign_hash_add(&signature->hash, bytes, size);
}

bool artifact_signature_check(struct artifact_signature *signature, struct error *err)
{
    return signature->key == NULL ||
           minisign_check(&signature->hash, signature->key, &signature->signature, err);
}

void artifact_signature_write_key(const struct agent_config *config, char text[MINISIGN_ID_SIZE])
{
    text[0] = '\0';
    if (config->bitbucket.has_signature_key)
        minisign_key_write_id(&config->bitbucket.signature_key, text);
}
