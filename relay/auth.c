/*
 * auth.c
 *	  Whom the relay lets in: with a token, or as the configuration says.
 *
 * An anonymous one gets claims like those of a token, so that the database
 * decides about everybody in the same way.
 */
#include "auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"

struct Auth
{
	KeyRing *keys;
	TokenRules rules;
	char *role; /* of the anonymous; "off" */
	char *organization;
};

void
auth_free(Auth *auth)
{
	if (!auth)
		return;
	keyring_free(auth->keys);
	free(auth->role);
	free(auth->organization);
	free(auth);
}

static int64_t
now_s(void)
{
	return clock_wall_us() / 1000000;
}

static bool
names_keys(const Config *config)
{
	return *config->jwt_secret || *config->jwks;
}

/*
 * Without keys there is no way to say who one is, so everybody here is an
 * operator.  Addresses were chosen with that in mind (relay.c), so one who is
 * kept out stays out until a restart, whatever becomes of the keys.
 */
static const char *
role_of_anonymous(const Auth *auth, const Config *config)
{
	if (auth->role && strcmp(auth->role, "off") == 0)
		return "off";
	if (strcmp(config->anonymous, "auto") != 0)
		return config->anonymous;
	return names_keys(config) ? "off" : "operator";
}

bool
auth_reload(Auth *auth, const Config *config, Buf *error)
{
	const char *role = role_of_anonymous(auth, config);
	char *role_copy = strdup(role);
	char *organization = strdup(config->organization);
	bool is_fine = role_copy && organization;

	auth->rules = (TokenRules){
		.audiences = config->jwt_audience,
		.issuers = config->jwt_issuer,
		.leeway_s = config->jwt_leeway_ms / 1000,
		.overlap_s = config->jwt_overlap_ms / 1000,
	};
	keyring_forget(auth->keys);
	if (!is_fine)
		buf_append_text(error, "out of memory");
	else if (!names_keys(config) && strcmp(role, "off") == 0)
	{
		buf_append_text(error, "anonymous is off and there are no keys, so nobody could connect: set jwks or jwt-secret");
		is_fine = false;
	}
	is_fine = is_fine && keyring_load(auth->keys, config->jwt_secret, config->jwks, now_s(), error);
	if (!is_fine)
	{
		free(role_copy);
		free(organization);
		return false;
	}
	free(auth->role);
	free(auth->organization);
	auth->role = role_copy;
	auth->organization = organization;
	return true;
}

Auth *
auth_new(const Config *config, Buf *error)
{
	Auth *auth = calloc(1, sizeof *auth);

	if (auth)
		auth->keys = keyring_new(&auth->rules);
	if (auth && auth->keys && auth_reload(auth, config, error))
		return auth;
	auth_free(auth);
	return NULL;
}

const char *
auth_anonymous_role(const Auth *auth)
{
	return auth->role;
}

bool
auth_has_keys(const Auth *auth)
{
	return !keyring_is_empty(auth->keys);
}

bool
auth_stands(const Auth *auth, uint64_t key_number)
{
	return !key_number || keyring_has(auth->keys, key_number, now_s());
}

TokenVerdict
auth_verify(Auth *auth, const char *text, Token *token)
{
	return token_verify(auth->keys, text, now_s(), token);
}

bool
auth_admit_anonymous(const Auth *auth, Token *token)
{
	Buf claims = {0};

	*token = (Token){0};
	if (strcmp(auth->role, "off") == 0)
		return false;
	buf_append_text(&claims, "{\"sub\":\"anonymous\",\"org\":");
	buf_append_json(&claims, auth->organization);
	buf_printf(&claims, ",\"inventory\":{\"role\":\"%s\"}}", auth->role);
	token->subject = strdup("anonymous");
	token->organization = strdup(auth->organization);
	token->claims = claims.failed ? NULL : strdup(buf_text(&claims));
	buf_free(&claims);
	if (token->subject && token->organization && token->claims)
		return true;
	token_clear(token);
	return false;
}

AuthAnswer
auth_identify(Auth *auth, const HttpRequest *request, Token *token, TokenVerdict *verdict)
{
	const char *text = request->authorization;

	*verdict = TOKEN_MALFORMED;
	*token = (Token){0};
	if (!*text)
		return auth_admit_anonymous(auth, token) ? AUTH_GOOD : AUTH_MISSING;
	if (strncasecmp(text, "Bearer ", 7) == 0)
		*verdict = auth_verify(auth, text + 7, token);
	return *verdict == TOKEN_GOOD ? AUTH_GOOD : AUTH_BAD;
}
