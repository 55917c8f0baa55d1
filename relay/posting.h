/*
 * posting.h
 *	  Operations asked for over HTTP: POST /api/inventory/{verb}.
 */
#ifndef POSTING_H
#define POSTING_H

#include <stdbool.h>

#include "access.h"
#include "auth.h"
#include "http.h"
#include "writer.h"
#include "ws.h"

#define POSTING_FOLDER "/api/inventory/"

/* The verb of a path; false when it is the path of none. */
bool posting_find(const char *path, Verb *verb);

/* Answers a request whose host and origin have been looked at. */
void posting_answer(Writer *writer, Access *access, Auth *auth, Connection *connection, const HttpRequest *request, Verb verb);

/* Answers what a browser asks before it lets a page of another host send a request. */
HttpResponse posting_preflight(const HttpRequest *request);

#endif
