/*
 * bearer.c
 *	  Who makes a request, by the token it bears.
 */
#include "bearer.h"

#include "gate.h"
#include "log.h"
#include "metrics.h"

static LogGate pace_gate;

bool
bearer_is_in_pace(const HttpRequest *request, HttpResponse *response)
{
	int64_t retry_after_ms;

	if (gate_has_handshake(request->pass, &retry_after_ms))
		return true;
	metrics_add(METRIC_REFUSED_HANDSHAKES, 1);
	log_gated(&pace_gate, "refused a handshake from %s: they come too fast (handshake-rate)", gate_address(request->pass));
	*response = http_too_many(request, "Too many handshakes", retry_after_ms);
	return false;
}

bool
bearer_identify(Auth *auth, const HttpRequest *request, bool closes, Token *token, HttpResponse *response)
{
	TokenVerdict verdict;
	AuthAnswer answer = auth_identify(auth, request, token, &verdict);

	if (answer == AUTH_GOOD)
		return true;
	metrics_add(METRIC_DENIALS, 1);
	if (answer == AUTH_BAD)
	{
		gate_take_handshake(request->pass);
		*response = http_error_code(request, 401, "Invalid token", token_verdict_word(verdict), closes);
	}
	else
		*response = http_error_code(request, 401, "Unauthorized", NULL, closes);
	return false;
}

bool
bearer_admit(Auth *auth, const HttpRequest *request, Token *token, HttpResponse *response)
{
	if (*request->authorization && !bearer_is_in_pace(request, response))
		return false;
	return bearer_identify(auth, request, false, token, response);
}
