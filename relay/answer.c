/*
 * answer.c
 *	  What is answered to HTTP requests.
 *
 * One table of paths; what is not in it is looked for among the static files.
 * The probes answer to any host name, since a balancer calls us by address or
 * by whatever name it likes; everything else only to our own.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "metrics.h"
#include "origin.h"

static LogGate host_gate;
static LogGate origin_gate;

static const char *const *
as_patterns(char **list)
{
	return (const char *const *) list;
}

static bool
is_host_fine(const AnswerSources *sources, const HttpRequest *request)
{
	return host_is_allowed(as_patterns(sources->config->allow_host), request->host, !request->is_loopback);
}

static bool
is_origin_fine(const AnswerSources *sources, const HttpRequest *request)
{
	return origin_is_allowed(as_patterns(sources->config->allow_origin), request->origin, request->host);
}

static void
respond_text(Connection *connection, const HttpRequest *request, int status, const char *type, const char *text)
{
	HttpHead head = {.status = status, .content_type = type};

	ws_respond(connection, http_respond(request, &head, frame_of(text, strlen(text))));
}

/* /livez: the process runs and its loop turns. */
static void
answer_live(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	(void) sources;
	respond_text(connection, request, 200, "text/plain; charset=utf-8", "ok\n");
}

/* /readyz: and what it sends is what the database has. */
static void
answer_ready(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	const char *why;

	if (feed_is_fresh(sources->feed, &why))
		respond_text(connection, request, 200, "text/plain; charset=utf-8", "ok\n");
	else
		ws_respond(connection, http_error(request, 503, why));
}

static void
answer_plain_ws(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	(void) sources;
	ws_respond(connection, http_error(request, 426, "Expected WebSocket"));
}

static void
answer_metrics(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	HttpHead head = {.content_type = "text/plain; version=0.0.4; charset=utf-8"};
	Buf text = {0};

	sources->refresh_metrics(sources->owner);
	metrics_append(&text);
	ws_respond(connection, http_respond(request, &head, frame_of(buf_text(&text), text.size)));
	buf_free(&text);
}

/* GET /api/inventory.  The answer outlives the request, so what it needs is kept. */

typedef struct PendingRows
{
	Connection *connection;
	HttpRequest request;
} PendingRows;

static void
finish_rows(void *line, InventoryVerdict verdict, Frame *take_rows)
{
	PendingRows *pending = line;
	HttpHead head = {.allow_origin = *pending->request.origin ? pending->request.origin : NULL};

	switch (verdict)
	{
		case INVENTORY_DONE:
			ws_respond(pending->connection, http_respond(&pending->request, &head, take_rows));
			break;
		case INVENTORY_UNAVAILABLE:
			ws_respond(pending->connection, http_error(&pending->request, 503, "The database is not connected"));
			break;
		case INVENTORY_OVERLOADED:
			ws_respond(pending->connection, http_error(&pending->request, 503, "Too many requests are waiting"));
			break;
		case INVENTORY_FAILED:
			ws_respond(pending->connection, http_error(&pending->request, 500, "Failed to read the inventory"));
			break;
	}
	ws_keep(pending->connection, NULL);
	free(pending);
}

/* Copies an id argument; false when it is longer than ids are. */
static bool
read_id(const HttpRequest *request, const char *name, char *out)
{
	const char *value = http_arg(request, name);
	size_t size = value ? strlen(value) : 0;

	if (size > CHANNEL_ID_SIZE)
		return false;
	memcpy(out, size ? value : "", size + 1);
	return true;
}

static bool
read_limit(const HttpRequest *request, int64_t most, int64_t *limit)
{
	const char *text = http_arg(request, "limit");
	char *end;

	*limit = most;
	if (!text)
		return true;
	*limit = strtoll(text, &end, 10);
	if (end == text || *end || *limit < 1)
		return false;
	if (*limit > most)
		*limit = most;
	return true;
}

static bool
read_query(const AnswerSources *sources, const HttpRequest *request, InventoryQuery *query)
{
	const char *after = http_arg(request, "after");

	*query = (InventoryQuery){0};
	if (after && (!channel_parse(&query->after, after) || !*query->after.product || !*query->after.warehouse))
		return false;
	return read_id(request, "productId", query->item.product) &&
		   read_id(request, "warehouseId", query->item.warehouse) &&
		   read_limit(request, sources->config->inventory_limit, &query->max_count);
}

static void
answer_rows(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	InventoryQuery query;
	PendingRows *pending;

	if (!read_query(sources, request, &query))
	{
		ws_respond(connection, http_error(request, 400, "Malformed query"));
		return;
	}
	pending = malloc(sizeof *pending);
	if (!pending)
	{
		ws_respond(connection, http_error(request, 503, "Out of memory"));
		return;
	}
	*pending = (PendingRows){connection, *request};
	ws_keep(connection, pending);
	inventory_ask(sources->inventory, &query, sources->config->inventory_queue, finish_rows, pending);
}

void
answer_abandon(const AnswerSources *sources, void *kept)
{
	if (sources->inventory)
		inventory_forget(sources->inventory, kept);
	free(kept);
}

static bool
answer_file(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	const SiteFile *file = site_find(sources->site, request->path);
	HttpHead head = {0};

	if (!file)
		return false;
	head.content_type = file->content_type;
	head.etag = file->etag;
	ws_respond(connection, http_respond(request, &head, frame_share(file->bytes)));
	return true;
}

typedef enum Audience
{
	FOR_ANYBODY, /* any host name, both listeners */
	FOR_CLIENTS,
	FOR_PAGES, /* clients, and the origin is checked */
	FOR_ADMIN
} Audience;

static const struct Route
{
	const char *path;
	Audience audience;
	void (*answer)(const AnswerSources *, Connection *, const HttpRequest *);
} routes[] = {
	{"/livez", FOR_ANYBODY, answer_live},
	{"/readyz", FOR_ANYBODY, answer_ready},
	{"/metrics", FOR_ADMIN, answer_metrics},
	{"/ws", FOR_CLIENTS, answer_plain_ws},
	{"/api/inventory", FOR_PAGES, answer_rows},
};

static const struct Route *
find_route(const HttpRequest *request)
{
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].path, request->path) == 0 &&
			(routes[i].audience == FOR_ANYBODY || (routes[i].audience == FOR_ADMIN) == request->is_admin))
			return &routes[i];
	return NULL;
}

/* 421 or 403 when the request may not be answered; 0 when it may. */
static int
refusal(const AnswerSources *sources, const HttpRequest *request, bool checks_origin)
{
	if (!is_host_fine(sources, request))
	{
		log_gated(&host_gate, "refused a request for the host \"%s\": set allow-host = %s to answer it",
				  request->host, request->host);
		return 421;
	}
	if (checks_origin && !is_origin_fine(sources, request))
	{
		log_gated(&origin_gate, "refused a page from \"%s\": set allow-origin = %s to admit it", request->origin,
				  request->origin);
		return 403;
	}
	return 0;
}

static const char *
refusal_text(int status)
{
	return status == 421 ? "This relay does not answer to that host name" : "Origin not allowed";
}

void
answer_request(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	const struct Route *route = find_route(request);
	int status = 0;

	metrics_add(METRIC_HTTP_REQUESTS, 1);
	if (!route || route->audience != FOR_ANYBODY)
		status = refusal(sources, request, route && route->audience == FOR_PAGES);
	if (status)
		ws_respond(connection, http_error(request, status, refusal_text(status)));
	else if (route)
		route->answer(sources, connection, request);
	else if (request->is_admin || !answer_file(sources, connection, request))
		ws_respond(connection, http_error(request, 404, "Not found"));
}

bool
answer_upgrade(const AnswerSources *sources, const HttpRequest *request, HttpResponse *response)
{
	int status = refusal(sources, request, true);

	if (!status)
		return true;
	metrics_add(METRIC_UPGRADES_REFUSED, 1);
	*response = http_reject(request, status, refusal_text(status));
	return false;
}
