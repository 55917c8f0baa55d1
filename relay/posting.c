/*
 * posting.c
 *	  Operations asked for over HTTP: POST /api/inventory/{verb}.
 *
 * A page of another host can send a form here without asking, so only JSON is
 * taken: a browser asks before it sends that.
 */
#include "posting.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bearer.h"
#include "change.h"
#include "metrics.h"
#include "utf8.h"

/* A request whose operation is on its way. */
typedef struct Posting
{
	Connection *connection; /* NULL when it has ended */
	HttpRequest request;
	Access *access;
	Identity *identity;
} Posting;

bool
posting_find(const char *path, Verb *verb)
{
	size_t size = strlen(POSTING_FOLDER);

	return strncmp(path, POSTING_FOLDER, size) == 0 && verb_of(path + size, verb);
}

HttpResponse
posting_preflight(const HttpRequest *request)
{
	HttpHead head = {
		.status = 204,
		.allow_origin = *request->origin ? request->origin : NULL,
		.extra = "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
				 "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key\r\n"
				 "Access-Control-Max-Age: 600\r\n",
	};

	return http_respond(request, &head, NULL);
}

/* Refusals */

/* The sentence for people. */
static const char *
sentence_of(ErrorCode code, Verb verb)
{
	static const char *const failures[VERB_COUNT] = {
		[VERB_ADJUST] = "Failed to adjust inventory",
		[VERB_APPLY] = "Failed to change inventory",
		[VERB_COMMIT] = "Failed to commit the reservation",
		[VERB_DEFINE] = "Failed to define inventory",
		[VERB_RELEASE] = "Failed to release the reservation",
		[VERB_RESERVE] = "Failed to reserve inventory",
		[VERB_RETIRE] = "Failed to retire inventory",
		[VERB_SET] = "Failed to count inventory",
		[VERB_TRANSFER] = "Failed to transfer inventory",
	};
	static const char *const sentences[ERROR_CODE_COUNT] = {
		[ERROR_BAD_REQUEST] = "Invalid request",
		[ERROR_FORBIDDEN] = "Forbidden",
		[ERROR_RATE_LIMITED] = "Too many operations",
		[ERROR_OVERLOADED] = "Too many operations are waiting",
		[ERROR_UNAVAILABLE] = "The database is not available",
		[ERROR_TIMEOUT] = "The operation was not done in time",
		[ERROR_VERSION_CONFLICT] = "The inventory has changed",
		[ERROR_INSUFFICIENT_STOCK] = "Insufficient stock",
		[ERROR_KEY_REUSED] = "The idempotency key was used for another operation",
		[ERROR_GONE] = "The reservation is closed",
		[ERROR_BATCH_UNAVAILABLE] = "The batch cannot be sold",
		[ERROR_CONFLICT] = "Concurrent update detected. Maximum retries exceeded.",
	};

	if (code == ERROR_NOT_FOUND)
		return verb == VERB_COMMIT || verb == VERB_RELEASE ? "Reservation not found" : "Inventory not found";
	return sentences[code] ? sentences[code] : failures[verb];
}

static HttpResponse
refusal_of(const HttpRequest *request, Verb verb, const Verdict *verdict)
{
	HttpHead head = {
		.status = verdict_status(verdict->code),
		.allow_origin = *request->origin ? request->origin : NULL,
		.retry_after_ms = verdict->retry_after_ms,
	};
	bool is_conflict = verdict->code == ERROR_CONFLICT;
	Buf text = {0};
	Buf details = {0};
	HttpResponse response;

	buf_append_text(&text, "{\"error\":");
	buf_append_json(&text, sentence_of(verdict->code, verb));
	buf_append_text(&text, ",\"reason\":");
	buf_append_json(&text, is_conflict ? "Multiple simultaneous updates to the same inventory record" : verdict->message);
	buf_printf(&text, ",\"code\":\"%s\"", protocol_error_word(verdict->code));
	verdict_append_details(&details, verdict);
	if (details.size)
	{
		buf_append_text(&text, ",\"details\":");
		buf_append(&text, details.bytes, details.size);
	}
	buf_append_text(&text, "}\n");
	response = http_respond(request, &head, text.failed ? NULL : frame_of(text.bytes, text.size));
	buf_free(&details);
	buf_free(&text);
	return response;
}

static HttpResponse
refuse(const HttpRequest *request, Verb verb, ErrorCode code, const char *message)
{
	Verdict verdict = {.code = code, .message = message};

	metrics_add(METRIC_OPERATIONS_REFUSED, 1);
	return refusal_of(request, verb, &verdict);
}

/* Answers */

static HttpResponse
response_of(const Posting *posting, const Operation *operation, const Verdict *verdict)
{
	const HttpRequest *request = &posting->request;
	HttpHead head = {.allow_origin = *request->origin ? request->origin : NULL};
	Buf text = {0};
	HttpResponse response;

	if (!verdict->is_done)
		return refusal_of(request, operation->verb, verdict);
	if (change_append_body(&text, operation, identity_subject(posting->identity), verdict->is_replayed,
						   verdict->result ? verdict->result : "") &&
		!text.failed)
		response = http_respond(request, &head, frame_of(text.bytes, text.size));
	else
		response = refuse(request, operation->verb, ERROR_INTERNAL, "the result cannot be read");
	buf_free(&text);
	return response;
}

static void
posting_free(Posting *posting)
{
	access_leave(posting->access, posting->identity);
	free(posting);
}

/* Nobody waits for the answer any more; the operation is done all the same. */
static void
abandon(void *kept)
{
	Posting *posting = kept;

	posting->connection = NULL;
}

static void
handle_verdict(void *line, const Operation *operation, const Verdict *verdict)
{
	Posting *posting = line;

	if (posting->connection)
	{
		ws_respond(posting->connection, response_of(posting, operation, verdict));
		ws_keep(posting->connection, NULL, NULL);
	}
	posting_free(posting);
}

/* Requests */

static bool
is_json(const char *content_type)
{
	static const char type[] = "application/json";
	size_t size = sizeof type - 1;

	return strncasecmp(content_type, type, size) == 0 && (!content_type[size] || strchr("; \t", content_type[size]));
}

/* The key may stand in a header; if it stands in the body as well, it is the same. */
static bool
take_header_key(const HttpRequest *request, Operation *operation, Buf *wrong)
{
	const char *key = request->idempotency_key;

	if (!*key)
		return true;
	if (strlen(key) > OPERATION_KEY_SIZE)
		buf_append_text(wrong, "\"Idempotency-Key\" is longer than 200 bytes");
	else if (!utf8_is_valid(key, strlen(key)))
		buf_append_text(wrong, "\"Idempotency-Key\" is not UTF-8");
	else if (*operation->key && strcmp(operation->key, key) != 0)
		buf_append_text(wrong, "\"Idempotency-Key\" and \"idempotencyKey\" differ");
	else
		strcpy(operation->key, key);
	return !wrong->size;
}

static bool
read_body(const HttpRequest *request, Verb verb, Operation *operation, Buf *wrong)
{
	const char *what;
	Json *object = json_parse(request->body, request->body_size, &what);
	bool is_fine;

	if (!object)
	{
		buf_printf(wrong, "the body is refused: %s", what);
		return false;
	}
	is_fine = operation_read(operation, verb, object, OPERATION_BODY, wrong) && take_header_key(request, operation, wrong);
	json_free(object);
	return is_fine;
}

static void
submit(Writer *writer, Access *access, Connection *connection, const HttpRequest *request, const Token *token,
	   Operation *take_operation)
{
	Posting *posting = calloc(1, sizeof *posting);

	if (posting)
	{
		*posting = (Posting){.connection = connection, .request = *request, .access = access};
		posting->request.body = NULL;
		posting->identity = access_enter(access, token->organization, token->subject, token->claims);
	}
	if (posting && posting->identity)
	{
		ws_keep(connection, posting, abandon);
		writer_submit(writer, posting->identity, take_operation, handle_verdict, posting);
		return;
	}
	free(posting);
	ws_respond(connection, refuse(request, take_operation->verb, ERROR_OVERLOADED, "out of memory"));
}

void
posting_answer(Writer *writer, Access *access, Auth *auth, Connection *connection, const HttpRequest *request, Verb verb)
{
	Token token = {0};
	HttpResponse refused;
	Operation operation = {0};
	Buf wrong = {0};

	if (!bearer_admit(auth, request, &token, &refused))
		ws_respond(connection, refused);
	else if (!is_json(request->content_type))
		ws_respond(connection, http_error_code(request, 415, "Content-Type must be application/json", "bad_request", false));
	else if (!read_body(request, verb, &operation, &wrong))
		ws_respond(connection, refuse(request, verb, ERROR_BAD_REQUEST, buf_text(&wrong)));
	else
		submit(writer, access, connection, request, &token, &operation);
	operation_clear(&operation);
	buf_free(&wrong);
	token_clear(&token);
}
