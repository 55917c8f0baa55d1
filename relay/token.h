/*
 * token.h
 *	  Who a client is, as a signed token says (JWT, RFC 7519 and 8725).
 *
 * The key fixes the algorithm: a key of the ring belongs to exactly one of
 * HS256, RS256, PS256 and ES256, and a token must name that one.  What a token
 * says about its own verification otherwise (jku, jwk, x5c …) is not read, and
 * one that says it must be understood (crit) is refused.
 *
 * The signature is checked before a claim is read.  A token that was good is
 * remembered by its hash, so that it costs the next client with it nothing.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Longer ones are refused unread. */
#define TOKEN_MAX_SIZE 4096

typedef struct KeyRing KeyRing;

typedef enum TokenVerdict
{
	TOKEN_GOOD,
	TOKEN_MALFORMED,
	TOKEN_UNKNOWN_KEY,
	TOKEN_WRONG_ALGORITHM,
	TOKEN_BAD_SIGNATURE,
	TOKEN_EXPIRED,
	TOKEN_NOT_YET_VALID,
	TOKEN_WRONG_AUDIENCE,
	TOKEN_WRONG_ISSUER,
	TOKEN_BAD_CLAIMS, /* no subject, no expiry, or of a wrong type */
	TOKEN_VERDICT_COUNT
} TokenVerdict;

typedef struct TokenRules
{
	char **audiences;  /* one of them must be the token's; none: not asked.  Ends with NULL, or is NULL */
	char **issuers;	   /* likewise */
	int64_t leeway_s;  /* clocks may differ by so much */
	int64_t overlap_s; /* keys taken from the file are still good for so long */
} TokenRules;

/* What a good token says.  Zeroed is empty. */
typedef struct Token
{
	char *subject;
	char *organization; /* "" when it says none */
	char *claims;		/* all of them, as they were signed */
	int64_t expires_at_s;
	uint64_t key_number; /* of the key it was signed with; 0 for none */
} Token;

/* The rules are shared and may change.  NULL without memory. */
KeyRing *keyring_new(const TokenRules *rules);
void keyring_free(KeyRing *ring);

/*
 * Reads the keys anew: secret is for HS256 ("" for none), path a JWKS file ("" for
 * none).  Keys that are gone stay good for the overlap.  False fills error with
 * one sentence, and the ring stays as it was.
 */
bool keyring_load(KeyRing *ring, const char *secret, const char *path, int64_t now_s, Buf *error);

/* The rules have changed: no token counts as seen before. */
void keyring_forget(KeyRing *ring);

/* Whether the key with a number is in use, or in its overlap. */
bool keyring_has(const KeyRing *ring, uint64_t number, int64_t now_s);

/* Whether there is any key. */
bool keyring_is_empty(const KeyRing *ring);

/* Fills token when the verdict is TOKEN_GOOD; to be emptied with token_clear(). */
TokenVerdict token_verify(KeyRing *ring, const char *text, int64_t now_s, Token *token);
void token_clear(Token *token);

/* The word for a verdict in answers: "token_expired". */
const char *token_verdict_word(TokenVerdict verdict);

#endif
