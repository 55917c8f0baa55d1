/*
 * lane.c
 *	  One database connection that does operations, and what waits for it.
 *
 * A call that fails as a whole has changed nothing.  If the failure passes by
 * itself, it is repeated after a pause; if not, its operations are tried again
 * in two halves, until the one that is to blame stands alone and gets the
 * failure as its verdict.
 *
 * A call whose answer was lost with the connection may have been committed.  It
 * is repeated under the same keys, after the former session has been ended: it
 * might not have noticed, and do later what was refused meanwhile.  An order
 * that has seen two connections go down may be what brings them down, and goes
 * alone from then on.
 */
#include "lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bundle.h"
#include "log.h"
#include "metrics.h"
#include "pg.h"

/* Before a failed call is repeated; doubles, up to the longest. */
#define PAUSE_FIRST_MS 10
#define PAUSE_LONGEST_MS 1000

/* One call's bytes, so that a batch of large operations is no more work than one of small ones. */
#define BATCH_SIZE (1024 * 1024)

/* Connections an order may see go down in company. */
#define LOSSES_IN_COMPANY 1

struct Lane
{
	const Config *config;
	const LaneHandlers *handlers;
	void *owner;
	Pg *pg;
	LoopTimer *pause;
	bool is_ready; /* the statement is prepared */
	int64_t max_lines;
	char lock_timeout[24];
	char session[64];	   /* the session of this connection, as the database names it */
	char lost_session[64]; /* one that may still be at work; "" for none */
	List waiting;		   /* orders, the next one first */
	List sent;			   /* those of the call on its way, in its order */
	size_t sent_count;
	unsigned failure_count; /* of calls, one after the other */
	Bundle bundle;
	LogGate gate;
};

/* The settings, the schema of the extension, and who we are there, in words that no setting changes. */
static const char prepare_session[] =
	"SELECT n.nspname, pg_catalog.current_setting('inventory.max_lines'), "
	"(SELECT pg_catalog.format('%s %s', a.pid, extract(epoch FROM a.backend_start)) FROM pg_catalog.pg_stat_activity a "
	"WHERE a.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()), "
	"pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), "
	"pg_catalog.set_config('statement_timeout', $1, false), "
	"pg_catalog.set_config('inventory.lock_timeout', $2, false), "
	"pg_catalog.set_config('default_transaction_isolation', 'read committed', false), "
	"pg_catalog.set_config('timezone', 'UTC', false), "
	/* what is acknowledged is on disk; a stronger setting stays */
	"CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) ANY ('{off,local,remote_write}') "
	"THEN pg_catalog.set_config('synchronous_commit', 'on', false) END "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
	"WHERE e.extname OPERATOR(pg_catalog.=) 'pg_inventory'";

/* Waits until it is gone, should it be there. */
static const char end_session[] =
	"SELECT pg_catalog.pg_terminate_backend(a.pid, 5000) FROM pg_catalog.pg_stat_activity a "
	"WHERE pg_catalog.format('%s %s', a.pid, extract(epoch FROM a.backend_start)) OPERATOR(pg_catalog.=) $1 "
	"AND a.usename OPERATOR(pg_catalog.=) current_user";

static void
go_on(Lane *lane)
{
	if (lane_is_idle(lane))
		lane->handlers->on_idle(lane->owner, lane);
}

/* Batches */

static size_t
most_of(const Lane *lane, size_t most)
{
	if (most > (size_t) lane->config->write_batch)
		most = (size_t) lane->config->write_batch;
	if (most > (size_t) lane->max_lines)
		most = (size_t) lane->max_lines;
	return most < BUNDLE_COUNT ? most : BUNDLE_COUNT;
}

static void
take_batch(Lane *lane, size_t most)
{
	Bundle *bundle = &lane->bundle;
	ListNode *node;

	bundle_open(bundle);
	while ((node = list_first(&lane->waiting)) && bundle->count < most)
	{
		Order *order = list_object(node, Order, in_list);

		if (order->company < most)
			most = order->company;
		if (bundle->count && (bundle->count >= most || bundle->operations.size + order->operation.arguments.size > BATCH_SIZE))
			break;
		bundle_add(bundle, &order->operation, order->key, order->identity, identity_claims(order->identity));
		list_remove(node);
		list_append(&lane->sent, node);
		order->state = ORDER_SENT;
	}
	lane->sent_count = bundle->count;
}

/* Puts the orders of the last call back to where they were. */
static void
take_back(Lane *lane)
{
	ListNode *node;

	while ((node = list_last(&lane->sent)))
	{
		list_remove(node);
		list_prepend(&lane->waiting, node);
		list_object(node, Order, in_list)->state = ORDER_WAITING;
	}
}

/* Repeats after a while. */
static void
begin_pause(Lane *lane)
{
	int64_t pause_ms = PAUSE_FIRST_MS;
	uint32_t random = 0;

	for (unsigned i = 0; i < lane->failure_count && pause_ms < PAUSE_LONGEST_MS; i++)
		pause_ms *= 2;
	lane->failure_count++;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		random = 0;
	loop_timer_start(lane->pause, pause_ms / 2 + random % (pause_ms / 2 + 1));
}

static void
end_pause(void *owner)
{
	go_on(owner);
}

/* Answers */

static bool
read_verdict(const PgResult *result, int row, const Order *order, Verdict *verdict)
{
	const char *status = pg_result_text(result, row, 0);
	const char *sqlstate = pg_result_text(result, row, 1);

	*verdict = (Verdict){
		.is_done = status && strcmp(status, "rejected") != 0,
		/* who gave no key did not ask before */
		.is_replayed = status && strcmp(status, "replayed") == 0 && *order->operation.key,
		.message = pg_result_text(result, row, 2),
		.detail = pg_result_text(result, row, 3),
		.result = pg_result_text(result, row, 4),
	};
	if (verdict->is_done)
		return false;
	verdict->code = verdict_code(sqlstate ? sqlstate : "");
	if (!verdict->message)
		verdict->message = "refused";
	return verdict->code == ERROR_CONFLICT;
}

static void
take_verdicts(Lane *lane, const PgResult *result)
{
	ListNode *node;

	lane->failure_count = 0;
	for (int row = 0; (node = list_take_first(&lane->sent)); row++)
	{
		Order *order = list_object(node, Order, in_list);
		Verdict verdict;
		bool is_busy = read_verdict(result, row, order, &verdict);

		lane->handlers->on_verdict(lane->owner, lane, order, &verdict, is_busy);
	}
}

/* The call changed nothing, and would not if it were repeated. */
static void
take_failure(Lane *lane, const PgResult *result)
{
	size_t count = lane->sent_count;
	Verdict verdict = {.code = verdict_code(pg_result_sqlstate(result)), .message = pg_result_message(result)};

	log_gated(&lane->gate, "%zu operations failed together: %s (%s)", count, pg_result_message(result),
			  pg_result_sqlstate(result));
	if (count == 1)
	{
		Order *order = list_object(list_take_first(&lane->sent), Order, in_list);

		lane->handlers->on_verdict(lane->owner, lane, order, &verdict, false);
		return;
	}
	for (ListNode *node = list_first(&lane->sent); node; node = list_next(&lane->sent, node))
		list_object(node, Order, in_list)->company = count / 2;
	take_back(lane);
}

/* The call changed nothing, and may succeed when it is repeated. */
static void
take_obstacle(Lane *lane, ErrorCode code)
{
	metrics_add(METRIC_OPERATIONS_RETRIED, 1);
	for (ListNode *node = list_first(&lane->sent); node; node = list_next(&lane->sent, node))
		list_object(node, Order, in_list)->late_code = code;
	take_back(lane);
	begin_pause(lane);
}

/* Nobody knows what became of the call. */
static void
take_loss(Lane *lane)
{
	for (ListNode *node = list_first(&lane->sent); node; node = list_next(&lane->sent, node))
	{
		Order *order = list_object(node, Order, in_list);

		order->is_uncertain = true;
		order->late_code = ERROR_UNAVAILABLE;
		if (++order->loss_count > LOSSES_IN_COMPANY)
			order->company = 1;
	}
	strcpy(lane->lost_session, lane->session);
	take_back(lane);
}

static void
handle_answer(void *owner, const PgResult *result)
{
	Lane *lane = owner;
	ErrorCode code;

	if (!result)
	{
		take_loss(lane);
		return;
	}
	code = verdict_code(pg_result_sqlstate(result));
	if (pg_result_is_fine(result) && pg_result_count(result) == (int) lane->sent_count)
		take_verdicts(lane, result);
	else if (code == ERROR_UNAVAILABLE)
	{
		/* also of a server that was made a standby, which keeps its connections */
		take_loss(lane);
		pg_lose(lane->pg, pg_result_message(result));
		return;
	}
	else if (verdict_is_passing(pg_result_sqlstate(result)))
		take_obstacle(lane, code);
	else
		take_failure(lane, result);
	go_on(lane);
}

void
lane_send(Lane *lane, size_t most, bool waits)
{
	const char *parameters[3];

	if (!lane_is_idle(lane) || list_is_empty(&lane->waiting))
		return;
	take_batch(lane, most_of(lane, most));
	if (!bundle_close(&lane->bundle))
	{
		take_back(lane);
		begin_pause(lane);
		return;
	}
	metrics_add(METRIC_OPERATION_BATCHES, 1);
	parameters[0] = lane->bundle.operations.bytes;
	parameters[1] = lane->bundle.callers.bytes;
	parameters[2] = waits ? "t" : "f";
	pg_execute(lane->pg, "sync", 3, parameters, handle_answer, lane);
}

/* The connection */

static void
handle_prepared(void *owner, const PgResult *result)
{
	Lane *lane = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result))
	{
		pg_lose(lane->pg, pg_result_message(result));
		return;
	}
	pg_settle(lane->pg);
	lane->is_ready = true;
	go_on(lane);
}

static void
handle_ended(void *owner, const PgResult *result)
{
	Lane *lane = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result))
		log_gated(&lane->gate, "a former session could not be ended: %s", pg_result_message(result));
	lane->lost_session[0] = '\0';
	handle_prepared(lane, result);
}

static void
handle_statement(void *owner, const PgResult *result)
{
	Lane *lane = owner;
	const char *parameters[] = {lane->lost_session};

	if (result && pg_result_is_fine(result) && *lane->lost_session)
		pg_query(lane->pg, end_session, 1, parameters, handle_ended, lane);
	else
		handle_prepared(lane, result);
}

static void
handle_session(void *owner, const PgResult *result)
{
	Lane *lane = owner;
	char *schema;
	Buf sql = {0};

	if (!result)
		return;
	if (!pg_result_is_fine(result) || pg_result_count(result) == 0)
	{
		pg_lose(lane->pg, pg_result_is_fine(result) ? "the extension pg_inventory was not found" : pg_result_message(result));
		return;
	}
	lane->max_lines = pg_result_number(result, 0, 1);
	snprintf(lane->session, sizeof lane->session, "%s", pg_result_text(result, 0, 2) ? pg_result_text(result, 0, 2) : "");
	schema = pg_quote_name(lane->pg, pg_result_text(result, 0, 0));
	buf_printf(&sql, "SELECT status, sqlstate, message, detail, result FROM %s.inventory_relay_sync($1, $2, $3)",
			   schema ? schema : "");
	pg_prepare(lane->pg, "sync", buf_text(&sql), handle_statement, lane);
	buf_free(&sql);
	free(schema);
}

static void
handle_up(void *owner)
{
	Lane *lane = owner;
	char timeout[24];
	const char *parameters[] = {timeout, lane->lock_timeout};

	snprintf(timeout, sizeof timeout, "%lld", (long long) lane->config->query_timeout_ms);
	pg_query(lane->pg, prepare_session, 2, parameters, handle_session, lane);
}

static void
handle_down(void *owner)
{
	Lane *lane = owner;

	lane->is_ready = false;
}

Lane *
lane_new(Loop *loop, const Config *config, int64_t lock_timeout_ms, const LaneHandlers *handlers, void *owner)
{
	static const PgHandlers pg_handlers = {handle_up, handle_down, NULL};
	PgOptions options = {"operations", config->dsn, config->connect_timeout_ms, config->query_timeout_ms};
	Lane *lane = calloc(1, sizeof *lane);

	if (!lane)
		return NULL;
	lane->config = config;
	lane->handlers = handlers;
	lane->owner = owner;
	snprintf(lane->lock_timeout, sizeof lane->lock_timeout, "%lld", (long long) lock_timeout_ms);
	list_init(&lane->waiting);
	list_init(&lane->sent);
	lane->pause = loop_timer_new(loop, end_pause, lane);
	lane->pg = pg_new(loop, &options, &pg_handlers, lane);
	if (!lane->pause || !lane->pg)
	{
		lane_free(lane);
		return NULL;
	}
	pg_open(lane->pg);
	return lane;
}

void
lane_end(Lane *lane)
{
	pg_free(lane->pg);
	loop_timer_free(lane->pause);
	lane->pg = NULL;
	lane->pause = NULL;
	lane->is_ready = false;
}

void
lane_free(Lane *lane)
{
	if (!lane)
		return;
	lane_end(lane);
	bundle_free(&lane->bundle);
	free(lane);
}

bool
lane_is_up(const Lane *lane)
{
	return lane->is_ready;
}

bool
lane_is_idle(const Lane *lane)
{
	return lane->is_ready && !pg_is_busy(lane->pg) && !loop_timer_is_started(lane->pause);
}

void
lane_append(Lane *lane, Order *order)
{
	order->state = ORDER_WAITING;
	list_append(&lane->waiting, &order->in_list);
}

void
lane_prepend(Lane *lane, Order *order)
{
	order->state = ORDER_WAITING;
	list_prepend(&lane->waiting, &order->in_list);
}

List *
lane_waiting(Lane *lane)
{
	return &lane->waiting;
}
