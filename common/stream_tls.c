/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_tls.h"

#include "check.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define REASON_SIZE 200
#define HOST_SIZE   256 /* a name has at most 253 bytes (RFC 1035) */

static bool is_given(const char *file)
{
    return file && *file;
}

/* The last reason of OpenSSL's queue, which is emptied. */
static void set_tls_error(struct error *err, enum error_code code, const char *what)
{
    char reason[REASON_SIZE] = "unknown reason";
    unsigned long number = ERR_peek_last_error();
    if (number != 0)
        ERR_error_string_n(number, reason, sizeof(reason));
    ERR_clear_error();
    error_set(err, code, "%s: %s", what, reason);
}

/* A socket BIO of our own, because OpenSSL's writes with write(2), which raises SIGPIPE. */
static int bio_write(BIO *bio, const char *bytes, int size)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = TEMP_FAILURE_RETRY(send(fd, bytes, (size_t)size, MSG_NOSIGNAL));
    if (count < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)count;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = TEMP_FAILURE_RETRY(recv(fd, bytes, (size_t)size, 0));
    if (count < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    return (int)count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    CHECK(bio_method != NULL);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_ctrl(bio_method, bio_control);
}

static BIO *new_bio(int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_bio_method);
    BIO *bio = BIO_new(bio_method);
    CHECK(bio != NULL);
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    return bio;
}

/* A key file with a pass phrase is refused, instead of asking for it on the terminal. */
static int no_pass_phrase(char *bytes, int size, int is_writing, void *context)
{
    (void)bytes, (void)size, (void)is_writing, (void)context;
    return 0;
}

static bool load_files(SSL_CTX *context, const struct stream_tls_files *files, struct error *err)
{
    bool has_authorities = is_given(files->authorities)
                               ? SSL_CTX_load_verify_locations(context, files->authorities, NULL)
                               : SSL_CTX_set_default_verify_paths(context);
    if (!has_authorities) {
        set_tls_error(err, ERROR_INVALID, "read certificate authorities");
        error_wrap(err, "%s", is_given(files->authorities) ? files->authorities : "the system's");
        return false;
    }
    if (!is_given(files->certificate))
        return true;
    const char *key = is_given(files->key) ? files->key : files->certificate;
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(context) == 1)
        return true;
    set_tls_error(err, ERROR_INVALID, "read client certificate and key");
    error_wrap(err, "%s", files->certificate);
    return false;
}

static bool make_context(const struct stream_tls_files *files, SSL_CTX **ret_context,
                         struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    CHECK(context != NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (load_files(context, files, err)) {
        *ret_context = context;
        return true;
    }
    SSL_CTX_free(context);
    return false;
}

static bool expect_host(SSL *tls, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    char name[HOST_SIZE];
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return TEXT_COPY(name, host) && SSL_set1_host(tls, name) == 1 &&
           SSL_set_tlsext_host_name(tls, name) == 1;
}

bool stream_tls_new(int fd, const char *host, const struct stream_tls_files *files,
                    struct ssl_st **ret_tls, struct error *err)
{
    SSL_CTX *context;
    ERR_clear_error();
    if (!make_context(files, &context, err))
        return false;
    SSL *tls = SSL_new(context);
    SSL_CTX_free(context);
    CHECK(tls != NULL);
    BIO *bio = new_bio(fd);
    SSL_set_bio(tls, bio, bio);
    if (!expect_host(tls, host)) {
        set_tls_error(err, ERROR_INVALID, "host name");
        SSL_free(tls);
        return false;
    }
    *ret_tls = tls;
    return true;
}

void stream_tls_free(struct ssl_st *tls)
{
    SSL_shutdown(tls);
    SSL_free(tls);
    ERR_clear_error();
}

/* A peer's alert about our certificate comes as late as the first read (TLS 1.3). */
static bool is_about_our_certificate(unsigned long number)
{
    static const int reasons[] = {
        SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,       SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
        SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,   SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
        SSL_R_SSLV3_ALERT_NO_CERTIFICATE,        SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
        SSL_R_TLSV1_ALERT_ACCESS_DENIED,         SSL_R_TLSV1_ALERT_UNKNOWN_CA,
        SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (ERR_GET_REASON(number) == reasons[i])
            return true;
    return false;
}

static void explain_failure(SSL *tls, struct error *err)
{
    long verdict = SSL_get_verify_result(tls);
    if (verdict != X509_V_OK) {
        error_set(err, ERROR_DENIED, "the peer's certificate: %s",
                  X509_verify_cert_error_string(verdict));
        ERR_clear_error();
    } else if (is_about_our_certificate(ERR_peek_last_error())) {
        set_tls_error(err, ERROR_DENIED, "the peer refuses our certificate");
    } else {
        set_tls_error(err, ERROR_PROTOCOL, "TLS");
    }
}

static enum stream_progress progress_of(SSL *tls, int result, struct error *err)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_ENDED;
    case SSL_ERROR_SYSCALL:
        /* An end without close_notify: our protocols frame their messages and see the cut. */
        if (errno == 0)
            return STREAM_ENDED;
        error_set_errno(err, errno, "TLS");
        return STREAM_FAILED;
    default:
        explain_failure(tls, err);
        return STREAM_FAILED;
    }
}

enum stream_progress stream_tls_handshake(struct ssl_st *tls, struct error *err)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_connect(tls);
    return result == 1 ? STREAM_DONE : progress_of(tls, result, err);
}

enum stream_progress stream_tls_read(struct ssl_st *tls, void *bytes, size_t size, size_t *ret_size,
                                     struct error *err)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(tls, bytes, size, ret_size);
    return result == 1 ? STREAM_DONE : progress_of(tls, result, err);
}

enum stream_progress stream_tls_write(struct ssl_st *tls, const void *bytes, size_t size,
                                      size_t *ret_size, struct error *err)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(tls, bytes, size, ret_size);
    return result == 1 ? STREAM_DONE : progress_of(tls, result, err);
}
