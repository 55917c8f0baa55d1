/*
 * writer.c
 *	  Brings operations of clients into the database, many at a time.
 *
 * A lane is one connection and what waits for it.  While a call is on its way,
 * operations gather behind it, and the next call takes them together: the
 * busier it is, the more of them share one transaction and one flush.  There is
 * one call at a time on a lane, so what comes later sees what came before.
 *
 * A call that fails as a whole has changed nothing.  If the failure passes by
 * itself, it is repeated after a pause; if not, its operations are tried again
 * in two halves, until the one that is to blame stands alone and gets the
 * failure as its verdict.  A call whose answer was lost with the connection may
 * have been committed: it is repeated under the same keys.  An operation that
 * has seen two connections go down may have done it, and goes alone from then
 * on.
 */
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bundle.h"
#include "clock.h"
#include "hash.h"
#include "list.h"
#include "log.h"
#include "metrics.h"
#include "pg.h"
#include "quota.h"

/* Deadlines are looked at so often. */
#define TICK_MS 100

/* How often the quota forgets. */
#define TIDY_MS 10000

/* Before a failed call is repeated; doubles, up to the longest. */
#define PAUSE_FIRST_MS 10
#define PAUSE_LONGEST_MS 1000

/* One call's bytes, so that a batch of large operations is no more work than one of small ones. */
#define BATCH_SIZE (1024 * 1024)

/* Connections an operation may see go down in company. */
#define LOSSES_IN_COMPANY 1

/* When to come again, while the database is away. */
#define AWAY_RETRY_MS 1000

typedef struct Lane
{
	Writer *writer;
	Pg *pg;
	bool is_ready; /* the statement is prepared */
	int64_t max_lines;
	List waiting; /* orders, the next one first */
	List sent;	  /* those of the call on its way, in its order */
	size_t sent_count;
	LoopTimer *pause;
	unsigned failure_count; /* of calls, one after the other */
} Lane;

/* An operation on its way. */
typedef struct Order
{
	ListNode in_lane;
	ListNode in_writer;
	Operation operation;
	Identity *identity;
	char key[OPERATION_KEY_SIZE + 1];
	int64_t deadline_ms;
	size_t company; /* of how many a call may be that it is part of */
	unsigned loss_count;
	bool is_uncertain;	 /* it was sent, and the answer was lost */
	WriterAnswer answer; /* NULL once it is answered */
	void *line;
} Order;

struct Writer
{
	Loop *loop;
	const Config *config;
	Access *access;
	Quotas *users;
	Lane *lanes;
	size_t lane_count;
	List orders; /* all, in the order in which they came */
	int64_t count;
	size_t size;
	LoopTimer *tick;
	int64_t tidied_at_ms;
	Bundle bundle;
	LogGate gate;
};

static const char prepare_connection[] =
	"SELECT n.nspname, pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), "
	"pg_catalog.set_config('statement_timeout', $1, false), "
	"pg_catalog.set_config('default_transaction_isolation', 'read committed', false), "
	"pg_catalog.set_config('timezone', 'UTC', false), "
	/* what is acknowledged is on disk; a stronger setting stays */
	"CASE WHEN pg_catalog.current_setting('synchronous_commit') = ANY ('{off,local,remote_write}') "
	"THEN pg_catalog.set_config('synchronous_commit', 'on', false) END, "
	"pg_catalog.current_setting('inventory.max_lines') "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
	"WHERE e.extname OPERATOR(pg_catalog.=) 'pg_inventory'";

static void send_next(Lane *lane);
static void handle_tick(void *owner);

/* Orders */

static size_t
order_size(const Order *order)
{
	return sizeof *order + order->operation.arguments.size;
}

static void
order_end(Writer *writer, Order *order)
{
	list_remove(&order->in_lane);
	list_remove(&order->in_writer);
	writer->count--;
	writer->size -= order_size(order);
	access_leave(writer->access, order->identity);
	operation_clear(&order->operation);
	free(order);
}

static void
count_verdict(const Verdict *verdict)
{
	if (verdict->is_done)
		metrics_add(verdict->is_replayed ? METRIC_OPERATIONS_REPLAYED : METRIC_OPERATIONS_APPLIED, 1);
	else
		metrics_add(METRIC_OPERATIONS_REFUSED, 1);
}

/* An answered order may still be on its way; nobody hears what becomes of it. */
static void
order_answer(Order *order, const Verdict *verdict)
{
	WriterAnswer answer = order->answer;

	order->answer = NULL;
	if (!answer)
		return;
	count_verdict(verdict);
	answer(order->line, &order->operation, verdict);
}

static void
refuse(Order *order, ErrorCode code, const char *message, int64_t retry_after_ms)
{
	Verdict verdict = {
		.code = code,
		.message = message,
		.retry_after_ms = retry_after_ms,
		.key = order->is_uncertain ? order->key : NULL,
	};

	order_answer(order, &verdict);
}

/* A version 4 UUID (RFC 9562, section 5.4). */
static bool
make_key(char key[OPERATION_KEY_SIZE + 1])
{
	unsigned char random[16];
	size_t at = 0;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return false;
	random[6] = (unsigned char) ((random[6] & 0x0f) | 0x40);
	random[8] = (unsigned char) ((random[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof random; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			key[at++] = '-';
		at += (size_t) sprintf(key + at, "%02x", random[i]);
	}
	return true;
}

static Order *
order_new(Writer *writer, Identity *identity, Operation *take_operation, WriterAnswer answer, void *line)
{
	Order *order = calloc(1, sizeof *order);

	if (!order)
		return NULL;
	strcpy(order->key, take_operation->key);
	if (!*order->key && !make_key(order->key))
	{
		free(order);
		return NULL;
	}
	order->operation = *take_operation;
	*take_operation = (Operation){0};
	order->identity = access_share(identity);
	order->deadline_ms = clock_monotonic_ms() + order->operation.timeout_ms;
	order->company = BUNDLE_COUNT;
	order->answer = answer;
	order->line = line;
	list_append(&writer->orders, &order->in_writer);
	writer->count++;
	writer->size += order_size(order);
	return order;
}

/* Sending */

static size_t
most_of(const Lane *lane)
{
	int64_t most = lane->writer->config->write_batch;

	if (most > lane->max_lines)
		most = lane->max_lines;
	return (size_t) (most < BUNDLE_COUNT ? most : BUNDLE_COUNT);
}

static void
take_batch(Lane *lane)
{
	Bundle *bundle = &lane->writer->bundle;
	size_t most = most_of(lane);
	ListNode *node;

	bundle_open(bundle);
	while ((node = list_first(&lane->waiting)) && bundle->count < most)
	{
		Order *order = list_object(node, Order, in_lane);

		if (order->company < most)
			most = order->company;
		if (bundle->count && (bundle->count >= most || bundle->operations.size + order->operation.arguments.size > BATCH_SIZE))
			break;
		bundle_add(bundle, &order->operation, order->key, order->identity, identity_claims(order->identity));
		list_remove(node);
		list_append(&lane->sent, node);
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
	send_next(owner);
}

/* Verdicts */

static void
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
		return;
	verdict->code = verdict_code(sqlstate ? sqlstate : "");
	if (!verdict->message)
		verdict->message = "refused";
}

static void
take_verdicts(Lane *lane, const PgResult *result)
{
	ListNode *node;

	lane->failure_count = 0;
	for (int row = 0; (node = list_first(&lane->sent)); row++)
	{
		Order *order = list_object(node, Order, in_lane);
		Verdict verdict;

		read_verdict(result, row, order, &verdict);
		order_answer(order, &verdict);
		order_end(lane->writer, order);
	}
}

/* The call changed nothing, and would not if it were repeated. */
static void
take_failure(Lane *lane, const PgResult *result)
{
	Writer *writer = lane->writer;
	size_t count = lane->sent_count;
	Order *order = list_object(list_first(&lane->sent), Order, in_lane);
	Verdict verdict = {.code = verdict_code(pg_result_sqlstate(result)), .message = pg_result_message(result)};

	log_gated(&writer->gate, "%zu operations failed together: %s (%s)", count, pg_result_message(result),
			  pg_result_sqlstate(result));
	if (count == 1)
	{
		order_answer(order, &verdict);
		order_end(writer, order);
		return;
	}
	for (ListNode *node = list_first(&lane->sent); node; node = list_next(&lane->sent, node))
		list_object(node, Order, in_lane)->company = count / 2;
	take_back(lane);
}

static void
take_loss(Lane *lane)
{
	for (ListNode *node = list_first(&lane->sent); node; node = list_next(&lane->sent, node))
	{
		Order *order = list_object(node, Order, in_lane);

		order->is_uncertain = true;
		if (++order->loss_count > LOSSES_IN_COMPANY)
			order->company = 1;
	}
	take_back(lane);
}

static void
handle_answer(void *owner, const PgResult *result)
{
	Lane *lane = owner;

	if (!result)
	{
		take_loss(lane);
		return;
	}
	if (pg_result_is_fine(result) && pg_result_count(result) == (int) lane->sent_count)
		take_verdicts(lane, result);
	else if (verdict_is_passing(pg_result_sqlstate(result)))
	{
		metrics_add(METRIC_OPERATIONS_RETRIED, 1);
		take_back(lane);
		begin_pause(lane);
	}
	else
		take_failure(lane, result);
	send_next(lane);
}

static void
send_next(Lane *lane)
{
	Bundle *bundle = &lane->writer->bundle;
	const char *parameters[2];

	if (!lane->is_ready || pg_is_busy(lane->pg) || loop_timer_is_started(lane->pause) || list_is_empty(&lane->waiting))
		return;
	take_batch(lane);
	if (!bundle_close(bundle))
	{
		take_back(lane);
		begin_pause(lane);
		return;
	}
	metrics_add(METRIC_OPERATION_BATCHES, 1);
	parameters[0] = bundle->operations.bytes;
	parameters[1] = bundle->callers.bytes;
	pg_execute(lane->pg, "sync", 2, parameters, handle_answer, lane);
}

/* Connections */

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
	send_next(lane);
}

static void
handle_extension(void *owner, const PgResult *result)
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
	lane->max_lines = pg_result_number(result, 0, 6);
	schema = pg_quote_name(lane->pg, pg_result_text(result, 0, 0));
	buf_printf(&sql, "SELECT status, sqlstate, message, detail, result FROM %s.inventory_relay_sync($1, $2)", schema ? schema : "");
	pg_prepare(lane->pg, "sync", buf_text(&sql), handle_prepared, lane);
	buf_free(&sql);
	free(schema);
}

static void
handle_up(void *owner)
{
	Lane *lane = owner;
	char timeout[24];
	const char *parameters[] = {timeout};

	snprintf(timeout, sizeof timeout, "%lld", (long long) lane->writer->config->query_timeout_ms);
	pg_query(lane->pg, prepare_connection, 1, parameters, handle_extension, lane);
}

static void
handle_down(void *owner)
{
	Lane *lane = owner;

	lane->is_ready = false;
}

static bool
lane_open(Lane *lane, Writer *writer)
{
	static const PgHandlers handlers = {handle_up, handle_down, NULL};
	const Config *config = writer->config;
	PgOptions options = {"operations", config->dsn, config->connect_timeout_ms, config->query_timeout_ms};

	lane->writer = writer;
	list_init(&lane->waiting);
	list_init(&lane->sent);
	lane->pause = loop_timer_new(writer->loop, end_pause, lane);
	lane->pg = pg_new(writer->loop, &options, &handlers, lane);
	if (!lane->pause || !lane->pg)
		return false;
	pg_open(lane->pg);
	return true;
}

Writer *
writer_new(Loop *loop, const Config *config, Access *access)
{
	Writer *writer = calloc(1, sizeof *writer);

	if (!writer)
		return NULL;
	writer->loop = loop;
	writer->config = config;
	writer->access = access;
	list_init(&writer->orders);
	writer->users = quotas_new();
	writer->tick = loop_timer_new(loop, handle_tick, writer);
	writer->lanes = calloc((size_t) config->write_connections, sizeof *writer->lanes);
	if (!writer->users || !writer->tick || !writer->lanes)
	{
		writer_free(writer);
		return NULL;
	}
	for (int64_t i = 0; i < config->write_connections; i++)
	{
		writer->lane_count++;
		if (!lane_open(&writer->lanes[i], writer))
		{
			writer_free(writer);
			return NULL;
		}
	}
	loop_timer_start(writer->tick, TICK_MS);
	return writer;
}

void
writer_end(Writer *writer)
{
	for (size_t i = 0; i < writer->lane_count; i++)
	{
		Lane *lane = &writer->lanes[i];

		pg_free(lane->pg);
		loop_timer_free(lane->pause);
		lane->pg = NULL;
		lane->pause = NULL;
		lane->is_ready = false;
	}
	loop_timer_free(writer->tick);
	writer->tick = NULL;
}

void
writer_free(Writer *writer)
{
	ListNode *node;

	if (!writer)
		return;
	writer_end(writer);
	while ((node = list_first(&writer->orders)))
	{
		Order *order = list_object(node, Order, in_writer);

		refuse(order, ERROR_UNAVAILABLE, "the relay ends", 0);
		order_end(writer, order);
	}
	quotas_free(writer->users);
	bundle_free(&writer->bundle);
	free(writer->lanes);
	free(writer);
}

/* Deadlines */

static void
miss_deadline(Writer *writer, Order *order)
{
	bool is_away = !order->in_lane.next || !writer_is_up(writer);

	if (is_away)
		refuse(order, ERROR_UNAVAILABLE, "the database is not connected", AWAY_RETRY_MS);
	else
		refuse(order, ERROR_TIMEOUT, "the operation was not done in time", 0);
}

static bool
is_sent(const Writer *writer, const Order *order)
{
	for (size_t i = 0; i < writer->lane_count; i++)
		for (ListNode *node = list_first(&writer->lanes[i].sent); node; node = list_next(&writer->lanes[i].sent, node))
			if (node == &order->in_lane)
				return true;
	return false;
}

static void
handle_tick(void *owner)
{
	Writer *writer = owner;
	int64_t now_ms = clock_monotonic_ms();
	ListNode *next;

	loop_timer_start(writer->tick, TICK_MS);
	for (ListNode *node = list_first(&writer->orders); node; node = next)
	{
		Order *order = list_object(node, Order, in_writer);

		next = list_next(&writer->orders, node);
		if (now_ms < order->deadline_ms || !order->answer)
			continue;
		if (is_sent(writer, order))
		{
			order->is_uncertain = true;
			miss_deadline(writer, order);
		}
		else
		{
			miss_deadline(writer, order);
			order_end(writer, order);
		}
	}
	if (now_ms - writer->tidied_at_ms < TIDY_MS)
		return;
	writer->tidied_at_ms = now_ms;
	quotas_sweep(writer->users, now_ms);
}

/* Submitting */

bool
writer_is_up(const Writer *writer)
{
	for (size_t i = 0; i < writer->lane_count; i++)
		if (writer->lanes[i].is_ready)
			return true;
	return false;
}

int64_t
writer_count(const Writer *writer)
{
	return writer->count;
}

/* One more of the user's operations.  Without memory nobody is counted. */
static bool
admit(Writer *writer, const Identity *identity, int64_t *retry_after_ms)
{
	const Config *config = writer->config;
	int64_t now_ms = clock_monotonic_ms();
	Buf key = {0};
	Quota *user;

	buf_append(&key, identity_organization(identity), strlen(identity_organization(identity)) + 1);
	buf_append_text(&key, identity_subject(identity));
	user = key.failed ? NULL : quotas_find(writer->users, key.bytes, key.size, now_ms);
	buf_free(&key);
	return !user || bucket_take(&user->operations, config->operations_per_second, config->operation_burst, now_ms, retry_after_ms);
}

/* Why an operation is not even taken; true when it is. */
static bool
may_take(Writer *writer, const Identity *identity, Verdict *verdict)
{
	const Config *config = writer->config;

	*verdict = (Verdict){.code = ERROR_RATE_LIMITED, .message = "too many operations"};
	if (!admit(writer, identity, &verdict->retry_after_ms))
		return false;
	if (writer->count >= config->write_queue || writer->size >= (size_t) config->write_queue_size)
	{
		*verdict = (Verdict){.code = ERROR_OVERLOADED, .message = "too many operations are waiting", .retry_after_ms = 1000};
		return false;
	}
	if (!writer_is_up(writer))
	{
		*verdict = (Verdict){.code = ERROR_UNAVAILABLE, .message = "the database is not connected", .retry_after_ms = AWAY_RETRY_MS};
		return false;
	}
	return true;
}

static Lane *
lane_of(Writer *writer, const Order *order)
{
	uint64_t thing = order->operation.thing_count ? order->operation.things[0] : 0;

	return &writer->lanes[hash_mix(hash_text(thing, identity_organization(order->identity))) % writer->lane_count];
}

void
writer_submit(Writer *writer, Identity *identity, Operation *take_operation, WriterAnswer answer, void *line)
{
	Verdict verdict;
	Order *order = NULL;

	if (may_take(writer, identity, &verdict))
	{
		order = order_new(writer, identity, take_operation, answer, line);
		verdict = (Verdict){.code = ERROR_OVERLOADED, .message = "out of memory", .retry_after_ms = 1000};
	}
	if (order)
	{
		Lane *lane = lane_of(writer, order);

		list_append(&lane->waiting, &order->in_lane);
		send_next(lane);
		return;
	}
	count_verdict(&verdict);
	answer(line, take_operation, &verdict);
	operation_clear(take_operation);
}
