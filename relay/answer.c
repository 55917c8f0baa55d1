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

#include "bearer.h"
#include "clock.h"
#include "cover.h"
#include "list.h"
#include "log.h"
#include "metrics.h"
#include "origin.h"
#include "posting.h"

#define API_FOLDER "/api"

/* Bytes of a list: a thousand items with full attributes are fewer. */
#define LIST_MAX_SIZE (8 * 1024 * 1024)

static LogGate host_gate;
static LogGate origin_gate;
static LogGate unidentified_gate;

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

	if (feed_is_fresh(sources->feed, &why) && sources->is_connected(sources->owner, &why))
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

/*
 * Requests of somebody, whose scope must be asked.  The answer outlives the
 * request, so what it needs is kept.
 */
typedef struct Pending
{
	ListNode in_covering; /* while it waits for a tick */
	const AnswerSources *sources;
	Connection *connection;
	HttpRequest request;
	Identity *identity;
	int64_t expires_at_s; /* of the token */
	Scope *scope;
	InventoryQuery query;
	RecordsQuery records;
	int64_t wanted_count;
	void (*proceed)(struct Pending *pending); /* when the scope is known */
	Buf items;								  /* without the brackets */
	Cover cover;							  /* of them */
	int64_t give_up_at_ms;
} Pending;

/* Answers that wait until the relay has read the tick that covers them. */
static List covering;

/* Bytes of rows that are not part of an answer yet. */
static size_t gathered_size;

static List *
covering_list(void)
{
	if (!covering.head.next)
		list_init(&covering);
	return &covering;
}

static void
pending_free(Pending *pending)
{
	list_remove(&pending->in_covering);
	access_leave(pending->sources->access, pending->identity);
	scope_release(pending->scope);
	gathered_size -= pending->items.size;
	buf_free(&pending->items);
	free(pending);
}

/* The connection has ended. */
static void
abandon(void *kept)
{
	Pending *pending = kept;

	access_forget(pending->sources->access, pending->identity, pending);
	inventory_forget(pending->sources->inventory, pending);
	records_forget(pending->sources->records, pending);
	pending_free(pending);
}

static void
finish(Pending *pending, HttpResponse take_response)
{
	ws_respond(pending->connection, take_response);
	ws_keep(pending->connection, NULL, NULL);
	pending_free(pending);
}

static void
finish_text(Pending *pending, Buf *text)
{
	HttpHead head = {.allow_origin = *pending->request.origin ? pending->request.origin : NULL};
	Frame *body = text->failed ? NULL : frame_of(text->bytes, text->size);

	buf_free(text);
	if (body)
		finish(pending, http_respond(&pending->request, &head, body));
	else
		finish(pending, http_error(&pending->request, 503, "Out of memory"));
}

static void
take_scope(void *line, AccessVerdict verdict, Scope *scope)
{
	Pending *pending = line;

	if (verdict == ACCESS_DENIED)
		finish(pending, http_error_code(&pending->request, 403, "Forbidden", "forbidden", false));
	else if (verdict == ACCESS_UNAVAILABLE)
		finish(pending, http_error(&pending->request, 503, "The database is not connected"));
	else
	{
		pending->scope = scope_share(scope);
		pending->cover = cover_begin(pending->sources->stream);
		pending->proceed(pending);
	}
}

/* Finds out who asks and what that one may see; then goes on. */
static void
begin_pending(const AnswerSources *sources, Connection *connection, const HttpRequest *request,
			  const InventoryQuery *query, const RecordsQuery *records, void (*proceed)(Pending *pending))
{
	Token token;
	HttpResponse refused;
	Pending *pending;

	if (!bearer_admit(sources->auth, request, &token, &refused))
	{
		ws_respond(connection, refused);
		return;
	}
	pending = calloc(1, sizeof *pending);
	if (pending)
	{
		*pending = (Pending){.sources = sources, .connection = connection, .request = *request, .query = *query, .records = *records};
		pending->wanted_count = query->max_count;
		pending->expires_at_s = token.expires_at_s;
		pending->proceed = proceed;
		pending->identity = access_enter(sources->access, token.organization, token.subject, token.claims);
	}
	token_clear(&token);
	if (!pending || !pending->identity)
	{
		free(pending);
		ws_respond(connection, http_error(request, 503, "Out of memory"));
	}
	else
	{
		ws_keep(connection, pending, abandon);
		access_ask(sources->access, pending->identity, take_scope, pending);
	}
}

/* Copies an id argument, "" without one; false when it can be none. */
static bool
read_id(const HttpRequest *request, const char *name, char *out)
{
	const char *value = http_arg(request, name);
	size_t size = value ? strlen(value) : 0;

	if (size && !channel_is_id(value))
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

/* GET /api/inventory */

static void
send_rows(Pending *pending)
{
	Buf text = {0};

	/* What was committed since may be in it, and is not for one whose rights have changed since. */
	if (!access_holds(pending->identity, pending->scope))
	{
		finish(pending, http_error_code(&pending->request, 403, "Forbidden", "forbidden", false));
		return;
	}
	buf_append_char(&text, '[');
	buf_append(&text, pending->items.bytes, pending->items.size);
	buf_append_text(&text, "]\n");
	text.failed = text.failed || pending->items.failed;
	finish_text(pending, &text);
}

/* Everything is there that was asked for. */
static void
await_cover(Pending *pending)
{
	pending->give_up_at_ms = clock_monotonic_ms() + pending->sources->config->query_timeout_ms;
	list_append(covering_list(), &pending->in_covering);
	answer_advance();
}

static void ask_rows(Pending *pending);

/* Retired items are left out, and pages cut by their size, so it may take several to have as many as were wanted. */
static void
take_rows(void *line, InventoryVerdict verdict, InventoryPage *page)
{
	Pending *pending = line;

	if (verdict != INVENTORY_DONE)
	{
		if (verdict == INVENTORY_FAILED)
			finish(pending, http_error(&pending->request, 500, "Failed to read the inventory"));
		else
			finish(pending, http_error(&pending->request, 503, "The database is not connected"));
		return;
	}
	if (page->count)
	{
		gathered_size -= pending->items.size;
		buf_append_text(&pending->items, pending->items.size ? ",\n" : "");
		buf_append(&pending->items, page->items.bytes + 1, page->items.size - 2);
		gathered_size += pending->items.size;
	}
	buf_free(&page->items);
	pending->cover.tick = page->covered_by;
	pending->query.after = page->last;
	pending->query.max_count -= page->count;
	if (pending->items.size > LIST_MAX_SIZE)
		finish(pending, http_error(&pending->request, 400, "Too much for one answer: ask for fewer rows with limit"));
	else if (page->has_more && pending->query.max_count > 0)
		ask_rows(pending);
	else
		await_cover(pending);
}

static void
ask_rows(Pending *pending)
{
	inventory_ask(pending->sources->inventory, pending->scope, &pending->query, take_rows, pending);
}

bool
answer_awaits_cover(void)
{
	return !list_is_empty(covering_list());
}

static void
look_at_cover(Pending *pending)
{
	CoverState state = cover_state(&pending->cover, pending->sources->stream);

	if (state == COVER_REACHED)
		send_rows(pending);
	else if (state == COVER_VOID)
		finish(pending, http_error(&pending->request, 503, "The connection to the database was lost meanwhile"));
	else if (clock_monotonic_ms() >= pending->give_up_at_ms)
		finish(pending, http_error(&pending->request, 503, "The event log does not go on"));
}

void
answer_advance(void)
{
	ListNode *next;

	for (ListNode *node = list_first(covering_list()); node; node = next)
	{
		Pending *pending = list_object(node, Pending, in_covering);

		next = list_next(&covering, node);
		look_at_cover(pending);
	}
}

/* As many questions as may wait, or as many bytes of answers that nobody takes. */
static bool
is_crowded(const AnswerSources *sources)
{
	return sources->waiting_count(sources->owner) >= sources->config->inventory_queue ||
		   sources->held_size(sources->owner) + gathered_size >= (size_t) sources->config->total_queue_size;
}

/* Others may have come while the scope was asked for. */
static void
begin_rows(Pending *pending)
{
	if (is_crowded(pending->sources))
		finish(pending, http_error(&pending->request, 503, "Too many requests are waiting"));
	else
		ask_rows(pending);
}

static void
answer_rows(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	InventoryQuery query;

	if (!read_query(sources, request, &query))
		ws_respond(connection, http_error(request, 400, "Malformed query"));
	else if (is_crowded(sources))
		ws_respond(connection, http_error(request, 503, "Too many requests are waiting"));
	else
		begin_pending(sources, connection, request, &query, &(RecordsQuery){0}, begin_rows);
}

/* GET /api/inventory/{product}/{warehouse}/movements, batches, reservations */

static void
take_records(void *line, RecordsVerdict verdict, RecordsPage *page)
{
	Pending *pending = line;

	if (verdict == RECORDS_UNKNOWN)
		finish(pending, http_error_code(&pending->request, 404, "Inventory not found", "not_found", false));
	else if (verdict == RECORDS_FAILED)
		finish(pending, http_error(&pending->request, 500, "Failed to read the inventory"));
	else if (verdict == RECORDS_UNAVAILABLE)
		finish(pending, http_error(&pending->request, 503, "The database is not connected"));
	else
	{
		pending->items = page->rows;
		gathered_size += page->rows.size;
		pending->cover.tick = page->covered_by;
		await_cover(pending);
	}
}

static void
ask_records(Pending *pending)
{
	if (is_crowded(pending->sources))
		finish(pending, http_error(&pending->request, 503, "Too many requests are waiting"));
	else
		records_ask(pending->sources->records, pending->scope, &pending->records, take_records, pending);
}

/* Where the item is, and which page; the reason when that cannot be. */
static const char *
read_records(const AnswerSources *sources, const HttpRequest *request, RecordsQuery *query)
{
	RecordsPath path = records_find(request->path, query);
	const char *before = http_arg(request, "before");

	if (path == RECORDS_MALFORMED)
		return "Malformed path: ids with a slash go into productId and warehouseId";
	if (path == RECORDS_BY_QUERY &&
		(!read_id(request, "productId", query->item.product) || !*query->item.product ||
		 !read_id(request, "warehouseId", query->item.warehouse) || !*query->item.warehouse))
		return "Malformed query";
	if (!read_limit(request, sources->config->inventory_limit, &query->max_count) ||
		(before && !records_read_before(query, before)))
		return "Malformed query";
	return NULL;
}

static void
answer_records(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	RecordsQuery query;
	const char *why = read_records(sources, request, &query);

	if (why)
		ws_respond(connection, http_error(request, 400, why));
	else if (is_crowded(sources))
		ws_respond(connection, http_error(request, 503, "Too many requests are waiting"));
	else
		begin_pending(sources, connection, request, &(InventoryQuery){0}, &query, ask_records);
}

/* GET /api/session: who one is. */

static void
send_session(Pending *pending)
{
	Buf text = {0};

	buf_append_text(&text, "{\"user\":");
	scope_append_user(&text, pending->scope);
	buf_append_text(&text, ",\"scope\":");
	scope_append(&text, pending->scope);
	if (pending->expires_at_s)
		buf_printf(&text, ",\"expiresAt\":%lld}\n", (long long) pending->expires_at_s * 1000);
	else
		buf_append_text(&text, ",\"expiresAt\":null}\n");
	finish_text(pending, &text);
}

static void
answer_session(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	begin_pending(sources, connection, request, &(InventoryQuery){0}, &(RecordsQuery){0}, send_session);
}

/* GET /config.json: what a page needs before it knows anything. */
static void
answer_config(const AnswerSources *sources, Connection *connection, const HttpRequest *request)
{
	const Config *config = sources->config;
	HttpHead head = {.allow_origin = *request->origin ? request->origin : NULL};
	Buf text = {0};

	buf_append_text(&text, "{\"protocol\":1,\"tokenUrl\":");
	if (*config->token_url)
		buf_append_json(&text, config->token_url);
	else
		buf_append_text(&text, "null");
	buf_printf(&text, ",\"anonymous\":\"%s\",\"limits\":{\"maxMessageBytes\":%lld,\"maxChannels\":%lld,",
			   auth_anonymous_role(sources->auth), (long long) config->max_message_size, (long long) config->max_channels);
	buf_printf(&text, "\"messagesPerSecond\":%lld,\"inventoryLimit\":%lld}}\n", (long long) config->messages_per_second,
			   (long long) config->inventory_limit);
	ws_respond(connection, http_respond(request, &head, frame_of(buf_text(&text), text.size)));
	buf_free(&text);
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
	{"/api/session", FOR_PAGES, answer_session},
	{"/config.json", FOR_PAGES, answer_config},
};

static const struct Route records_route = {NULL, FOR_PAGES, answer_records};

static const struct Route *
find_route(const HttpRequest *request)
{
	RecordsQuery ignored;

	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].path, request->path) == 0 &&
			(routes[i].audience == FOR_ANYBODY || (routes[i].audience == FOR_ADMIN) == request->is_admin))
			return &routes[i];
	if (!request->is_admin && records_find(request->path, &ignored) != RECORDS_ELSEWHERE)
		return &records_route;
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

/* What is not there, or not for this method, is no secret from a page that asks rightly. */
static bool
is_of_api(const HttpRequest *request)
{
	return strncmp(request->path, API_FOLDER "/", strlen(API_FOLDER "/")) == 0;
}

/* POST and OPTIONS come for paths of the API only (ws.c). */
static void
answer_api(const AnswerSources *sources, Connection *connection, HttpRequest *request)
{
	int status = refusal(sources, request, true);
	Verb verb;

	request->is_for_page = !status;
	if (status)
		ws_respond(connection, http_error(request, status, refusal_text(status)));
	else if (request->method == HTTP_OPTIONS)
		ws_respond(connection, posting_preflight(request));
	else if (posting_find(request->path, &verb))
		posting_answer(sources->writer, sources->access, sources->auth, connection, request, verb);
	else
		ws_respond(connection, http_error(request, find_route(request) ? 405 : 404,
										  find_route(request) ? "Method not allowed" : "Not found"));
}

void
answer_request(const AnswerSources *sources, Connection *connection, HttpRequest *request)
{
	const struct Route *route = find_route(request);
	bool is_for_page = !request->is_admin && (route ? route->audience == FOR_PAGES : is_of_api(request));
	int status = 0;
	Verb ignored;

	metrics_add(METRIC_HTTP_REQUESTS, 1);
	if (request->method == HTTP_POST || request->method == HTTP_OPTIONS)
	{
		answer_api(sources, connection, request);
		return;
	}
	if (!route || route->audience != FOR_ANYBODY)
		status = refusal(sources, request, is_for_page);
	request->is_for_page = is_for_page && !status;
	if (status)
		ws_respond(connection, http_error(request, status, refusal_text(status)));
	else if (route)
		route->answer(sources, connection, request);
	else if (!request->is_admin && posting_find(request->path, &ignored))
		ws_respond(connection, http_error(request, 405, "Method not allowed"));
	else if (request->is_admin || !answer_file(sources, connection, request))
		ws_respond(connection, http_error(request, 404, "Not found"));
}

/* Who may not be let in yet says so in a hello, when the client offered to. */
static bool
identify(const AnswerSources *sources, const HttpRequest *request, HttpResponse *response, Visitor *visitor)
{
	if (!bearer_is_in_pace(request, response))
		return false;
	gate_take_handshake(request->pass);
	visitor->awaits_hello = request->offers_protocol && !*request->authorization;
	if (visitor->awaits_hello && clients_awaiting_count(sources->clients) >= sources->config->max_unidentified)
	{
		metrics_add(METRIC_REFUSED_UNIDENTIFIED, 1);
		log_gated(&unidentified_gate, "refused a client: %u have not said who they are (max-unidentified)",
				  clients_awaiting_count(sources->clients));
		*response = http_reject(request, 503, "Too many clients have not said who they are");
		return false;
	}
	if (visitor->awaits_hello)
		return true;
	return bearer_identify(sources->auth, request, true, &visitor->token, response);
}

bool
answer_upgrade(const AnswerSources *sources, const HttpRequest *request, HttpResponse *response, Visitor **visitor)
{
	int status = refusal(sources, request, true);
	bool is_fine = false;

	*visitor = status ? NULL : calloc(1, sizeof **visitor);
	if (status)
		*response = http_reject(request, status, refusal_text(status));
	else if (!*visitor)
		*response = http_reject(request, 503, "Out of memory");
	else
		is_fine = identify(sources, request, response, *visitor);
	if (is_fine)
		return true;
	metrics_add(METRIC_UPGRADES_REFUSED, 1);
	visitor_free(*visitor);
	*visitor = NULL;
	return false;
}
