/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command to one HAProxy process, over its stats socket or its master's. HAProxy takes one line
 * a connection, answers, and closes; it has no status codes, so that an error is a text like any
 * other and is told apart here.
 */
#ifndef SHUNT_HAPROXY_SOCKET_H
#define SHUNT_HAPROXY_SOCKET_H

#include "buffer.h"
#include "clock.h"
#include "error.h"

/* "unix:/absolute/path", "tcp:HOST:PORT" or "tcp:[IPv6]:PORT" of a stats socket,
 * "master:/absolute/path" of a master socket; else ERROR_INVALID with the forms. No I/O. */
bool haproxy_check_address(const char *address, struct error *err);

/* Asks a question: ret_answer (initialised, empty) gets the answer, up to its limit. A refusal that
 * HAProxy words as text is an error of the fitting code, with a hint. */
bool haproxy_ask(const char *address, const char *command, struct deadline deadline,
                 struct buffer *ret_answer, struct error *err);

/* Gives an order: anything but HAProxy's empty line, its only word for success, is an error. */
bool haproxy_order(const char *address, const char *command, struct deadline deadline,
                   struct error *err);

#endif
