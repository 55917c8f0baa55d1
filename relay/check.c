/*
 * check.c
 *	  Whether a configuration can be run with.
 */
#include "check.h"

#include <string.h>

#include "address.h"
#include "auth.h"
#include "pg.h"
#include "tls.h"

/* Who needs no token must be on this machine. */
static bool
check_addresses(char *const *texts, const char *anonymous_role, Buf *error)
{
	for (; texts && *texts; texts++)
	{
		Address addresses[ADDRESS_MAX_COUNT];
		unsigned count = address_parse(addresses, *texts);

		for (unsigned i = 0; i < count; i++)
			if (!addresses[i].is_loopback && strcmp(anonymous_role, "off") != 0)
			{
				buf_printf(error, "refusing to listen on %s: clients without a token are let in (anonymous = %s), so only loopback "
								  "addresses are served",
						   addresses[i].text, anonymous_role);
				return false;
			}
	}
	return true;
}

static bool
check_auth(const Config *config, Buf *error)
{
	Auth *auth = auth_new(config, error);
	bool is_fine = auth && check_addresses(config->listen, auth_anonymous_role(auth), error) &&
				   check_addresses(config->admin, auth_anonymous_role(auth), error);

	auth_free(auth);
	return is_fine;
}

static bool
check_tls(const Config *config, Buf *error)
{
	Tls *tls;

	if (!*config->tls_certificate)
		return true;
	tls = tls_new(config->tls_certificate, config->tls_key, error);
	tls_free(tls);
	return tls != NULL;
}

bool
check_config(const Config *config, Buf *error)
{
	return pg_check_dsn(config->dsn, error) && check_auth(config, error) && check_tls(config, error);
}
