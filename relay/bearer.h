/*
 * bearer.h
 *	  Who makes a request, by the token it bears.
 */
#ifndef BEARER_H
#define BEARER_H

#include <stdbool.h>

#include "auth.h"
#include "http.h"

/* Whether one more handshake of this address may be looked at; false fills the response. */
bool bearer_is_in_pace(const HttpRequest *request, HttpResponse *response);

/*
 * Fills token, to be emptied with token_clear(); or the response, which ends
 * the connection when it closes, and the answer is false.
 */
bool bearer_identify(Auth *auth, const HttpRequest *request, bool closes, Token *token, HttpResponse *response);

/* Both, for a request that is no handshake: without a token there is nothing to look at. */
bool bearer_admit(Auth *auth, const HttpRequest *request, Token *token, HttpResponse *response);

#endif
