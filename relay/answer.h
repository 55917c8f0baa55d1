/*
 * answer.h
 *	  What is answered to HTTP requests.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>

#include "config.h"
#include "feed.h"
#include "http.h"
#include "inventory.h"
#include "site.h"
#include "ws.h"

/* Where answers come from.  Borrowed; site may change between requests. */
typedef struct AnswerSources
{
	const Config *config;
	const Site *site;
	const Feed *feed;
	Inventory *inventory;				  /* NULL while ending */
	void (*refresh_metrics)(void *owner); /* sets the gauges before they are shown */
	void *owner;
} AnswerSources;

/* Answers a request, now or when the database has. */
void answer_request(const AnswerSources *sources, Connection *connection, const HttpRequest *request);

/* The connection of a request that waits for the database has ended. */
void answer_abandon(const AnswerSources *sources, void *kept);

/*
 * Whether a WebSocket may be opened; false fills the response.  The host and
 * origin rules are the same as for requests.
 */
bool answer_upgrade(const AnswerSources *sources, const HttpRequest *request, HttpResponse *response);

#endif
