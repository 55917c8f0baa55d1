/*
 * gate.c
 *	  How much one address may take of the relay.
 */
#include "gate.h"

#include <stdlib.h>

#include "clock.h"
#include "peer.h"
#include "quota.h"

/* At once, of what is allowed a second: pages open several connections together. */
#define BURST_SECONDS 2

struct GatePass
{
	Gate *gate;
	Peer peer;	  /* the other end of the connection */
	Peer client;  /* who it is for */
	Quota *quota; /* NULL: without limits */
	char address[ADDRESS_TEXT_SIZE];
};

struct Gate
{
	const GateLimits *limits;
	Quotas *quotas;
};

Gate *
gate_new(const GateLimits *limits)
{
	Gate *gate = calloc(1, sizeof *gate);

	if (!gate)
		return NULL;
	gate->limits = limits;
	gate->quotas = quotas_new();
	if (gate->quotas)
		return gate;
	free(gate);
	return NULL;
}

void
gate_free(Gate *gate)
{
	if (!gate)
		return;
	quotas_free(gate->quotas);
	free(gate);
}

static bool
is_limited(const Gate *gate, const Peer *peer)
{
	return !peer_is_in(peer, gate->limits->exempt) && !peer_is_in(peer, gate->limits->proxies);
}

static Quota *
find_quota(Gate *gate, const Peer *peer)
{
	Peer network = peer_network(peer);

	return quotas_find(gate->quotas, network.bytes, sizeof network.bytes, clock_monotonic_ms());
}

static bool
take(Bucket *bucket, int64_t rate)
{
	int64_t ignored;

	return bucket_take(bucket, rate, rate * BURST_SECONDS, clock_monotonic_ms(), &ignored);
}

/* Counts the pass for another address. */
static GateVerdict
move(GatePass *pass, const Peer *client)
{
	Gate *gate = pass->gate;
	Quota *quota = NULL;

	if (is_limited(gate, client))
	{
		quota = find_quota(gate, client);
		if (!quota)
			return GATE_FAILED;
		if (quota != pass->quota && quota->held_count >= gate->limits->connection_count)
			return GATE_TOO_MANY;
		quota->held_count++;
	}
	if (pass->quota)
		pass->quota->held_count--;
	pass->quota = quota;
	pass->client = *client;
	peer_format(pass->address, client);
	return GATE_OPEN;
}

GateVerdict
gate_enter(Gate *gate, const struct sockaddr_storage *address, GatePass **pass)
{
	Peer peer = peer_of(address);
	GatePass *made = calloc(1, sizeof *made);
	GateVerdict verdict = GATE_FAILED;

	*pass = NULL;
	if (!made)
		return verdict;
	made->gate = gate;
	made->peer = peer;
	verdict = move(made, &peer);
	if (verdict == GATE_OPEN && made->quota && !take(&made->quota->accepts, gate->limits->accept_rate))
		verdict = GATE_TOO_FAST;
	if (verdict == GATE_OPEN)
		*pass = made;
	else
		gate_leave(made);
	return verdict;
}

void
gate_leave(GatePass *pass)
{
	if (!pass)
		return;
	if (pass->quota)
		pass->quota->held_count--;
	free(pass);
}

GateVerdict
gate_place(GatePass *pass, const char *forwarded_for)
{
	Peer client = peer_behind(&pass->peer, forwarded_for, pass->gate->limits->proxies);

	return move(pass, &client);
}

bool
gate_has_handshake(GatePass *pass, int64_t *retry_after_ms)
{
	int64_t rate;

	if (!pass || !pass->quota)
		return true;
	rate = pass->gate->limits->handshake_rate;
	return bucket_has(&pass->quota->handshakes, rate, rate * BURST_SECONDS, clock_monotonic_ms(), retry_after_ms);
}

void
gate_take_handshake(GatePass *pass)
{
	if (pass && pass->quota)
		take(&pass->quota->handshakes, pass->gate->limits->handshake_rate);
}

const char *
gate_address(const GatePass *pass)
{
	return pass->address;
}

void
gate_tick(Gate *gate)
{
	quotas_sweep(gate->quotas, clock_monotonic_ms());
}
