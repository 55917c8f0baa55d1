/*
 * auth.h
 *	  Whom the relay lets in: with a token, or as the configuration says.
 *
 * A token that is there must be good.  Only who brings none may be anonymous,
 * and only when the option `anonymous` gives such a one a role.
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "config.h"
#include "http.h"
#include "token.h"

typedef struct Auth Auth;

/* Reads the keys.  NULL fills error with one sentence. */
Auth *auth_new(const Config *config, Buf *error);
void auth_free(Auth *auth);

/*
 * Reads keys and options again.  False fills error, and the old keys stay.  Who
 * needed a token before needs one afterwards.
 */
bool auth_reload(Auth *auth, const Config *config, Buf *error);

/* The role of who brings no token: "off" when nobody may. */
const char *auth_anonymous_role(const Auth *auth);

/* Whether tokens can be verified at all. */
bool auth_has_keys(const Auth *auth);

/* Whether the key that a token was signed with still verifies; true where there was none. */
bool auth_stands(const Auth *auth, uint64_t key_number);

/* Fills token, to be emptied with token_clear(), when the verdict is TOKEN_GOOD. */
TokenVerdict auth_verify(Auth *auth, const char *text, Token *token);

/* Fills token for one who brings none; false when nobody may. */
bool auth_admit_anonymous(const Auth *auth, Token *token);

typedef enum AuthAnswer
{
	AUTH_GOOD,
	AUTH_MISSING, /* there is no token, and there must be one */
	AUTH_BAD
} AuthAnswer;

/* Who made a request, by its Authorization header.  verdict is set for AUTH_BAD. */
AuthAnswer auth_identify(Auth *auth, const HttpRequest *request, Token *token, TokenVerdict *verdict);

#endif
