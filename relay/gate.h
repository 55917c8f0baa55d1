/*
 * gate.h
 *	  How much one address may take of the relay.
 *
 * Each connection has a Pass.  It counts for the address it came from or, once
 * a request came through a proxy that is trusted, for the one that the proxy
 * names.  Addresses of IPv6 count by their network of 64 bits, since a customer
 * is given that many.
 *
 * Taking connections and shaking hands are limited before anything is spent on
 * them: no TLS, no signature is computed for who comes too often.  A bad token
 * costs as much as a handshake.
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "address.h"

typedef struct Gate Gate;
typedef struct GatePass GatePass;

/* Shared, and may change.  The lists end with NULL, or are NULL. */
typedef struct GateLimits
{
	unsigned connection_count; /* of one address at a time */
	unsigned accept_rate;	   /* connections of one address a second; twice as many at once */
	unsigned handshake_rate;   /* likewise handshakes */
	char *const *exempt;	   /* addresses without limits */
	char *const *proxies;	   /* whose X-Forwarded-For is believed; themselves without limits */
} GateLimits;

typedef enum GateVerdict
{
	GATE_OPEN,
	GATE_TOO_MANY, /* connections of this address */
	GATE_TOO_FAST,
	GATE_FAILED /* out of memory */
} GateVerdict;

/* NULL without memory. */
Gate *gate_new(const GateLimits *limits);

/* No pass may be left.  NULL is fine. */
void gate_free(Gate *gate);

/* A connection has come.  *pass is for gate_leave() when the gate is open, else NULL. */
GateVerdict gate_enter(Gate *gate, const struct sockaddr_storage *address, GatePass **pass);

/* Takes the pass back; NULL is fine. */
void gate_leave(GatePass *pass);

/* A request on it, with its header X-Forwarded-For, "" without: who is it for? */
GateVerdict gate_place(GatePass *pass, const char *forwarded_for);

/* Whether a handshake may be looked at; a pass of NULL may.  If not, *retry_after_ms says when. */
bool gate_has_handshake(GatePass *pass, int64_t *retry_after_ms);

/* One was.  Also for a bad token. */
void gate_take_handshake(GatePass *pass);

/* Where it comes from, for the log. */
const char *gate_address(const GatePass *pass);

/* Once a second: forgets who has gone. */
void gate_tick(Gate *gate);

#endif
