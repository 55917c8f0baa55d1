/*
 * answer.h
 *	  What is answered to HTTP requests.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>

#include "access.h"
#include "auth.h"
#include "client.h"
#include "config.h"
#include "feed.h"
#include "http.h"
#include "inventory.h"
#include "records.h"
#include "site.h"
#include "writer.h"
#include "ws.h"

/* Where answers come from.  Borrowed; site may change between requests. */
typedef struct AnswerSources
{
	const Config *config;
	const Site *site;
	const Feed *feed;
	const Stream *stream;
	const Clients *clients;
	Auth *auth;
	Access *access; /* NULL while ending, as is the inventory */
	Inventory *inventory;
	Records *records;
	Writer *writer;
	void (*refresh_metrics)(void *owner);				 /* sets the gauges before they are shown */
	bool (*is_connected)(void *owner, const char **why); /* whether questions can be asked */
	int64_t (*waiting_count)(void *owner);				 /* questions about the inventory */
	size_t (*held_size)(void *owner);					 /* bytes of answers that clients have not taken */
	void *owner;
} AnswerSources;

/* Answers a request, now or when the database has. */
void answer_request(const AnswerSources *sources, Connection *connection, HttpRequest *request);

/* The stream has moved, or time: answers may go out that waited to be covered by a tick, or are given up. */
void answer_advance(void);

/* Whether one waits for that. */
bool answer_awaits_cover(void);

/*
 * Whether a WebSocket may be opened, and for whom; false fills the response.
 * The host and origin rules are the same as for requests.
 */
bool answer_upgrade(const AnswerSources *sources, const HttpRequest *request, HttpResponse *response, Visitor **visitor);

#endif
