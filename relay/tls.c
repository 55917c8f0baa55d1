/*
 * tls.c
 *	  The certificate that clients are shown, and its key.
 *
 * The only file that knows OpenSSL's connections.  TLS 1.2 is the least that is
 * spoken, with the ciphers that Debian's OpenSSL holds to be good.
 */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What belongs together. */
typedef struct Pair
{
	X509 *certificate;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
} Pair;

struct Tls
{
	Pair pair;
	SSL_CTX *context; /* borrowed; NULL until there is one */
};

static void
pair_clear(Pair *pair)
{
	X509_free(pair->certificate);
	sk_X509_pop_free(pair->chain, X509_free);
	EVP_PKEY_free(pair->key);
	*pair = (Pair){0};
}

/* What OpenSSL says of its last failure, or the system of its. */
static void
explain(Buf *error, const char *what, const char *file, const char *reason)
{
	const char *said = ERR_reason_error_string(ERR_peek_last_error());

	buf_printf(error, "the %s \"%s\" cannot be used: %s", what, file, reason ? reason : said ? said
																							 : "it is not PEM");
	ERR_clear_error();
}

/* A key that asks for a password is not asked for it. */
static int
refuse_password(char *out, int size, int is_writing, void *owner)
{
	(void) out, (void) size, (void) is_writing, (void) owner;
	return -1;
}

static bool
read_certificates(Pair *pair, const char *path, Buf *error)
{
	FILE *file = fopen(path, "re");
	X509 *next;
	bool is_fine = file != NULL;

	if (!file)
	{
		explain(error, "certificate", path, strerror(errno));
		return false;
	}
	pair->certificate = PEM_read_X509_AUX(file, NULL, refuse_password, NULL);
	pair->chain = sk_X509_new_null();
	is_fine = pair->certificate && pair->chain;
	while (is_fine && (next = PEM_read_X509(file, NULL, refuse_password, NULL)))
		is_fine = sk_X509_push(pair->chain, next) > 0;
	fclose(file);
	/* The end of the file is told as an error as well. */
	if (is_fine && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error();
	if (is_fine && !ERR_peek_error())
		return true;
	explain(error, "certificate", path, is_fine ? NULL : "there is none in it");
	return false;
}

static bool
read_key(Pair *pair, const char *path, Buf *error)
{
	FILE *file = fopen(path, "re");

	if (!file)
	{
		explain(error, "key", path, strerror(errno));
		return false;
	}
	pair->key = PEM_read_PrivateKey(file, NULL, refuse_password, NULL);
	fclose(file);
	if (pair->key && X509_check_private_key(pair->certificate, pair->key) == 1)
		return true;
	explain(error, "key", path, pair->key ? "it is not that of the certificate" : "there is none in it, or one with a password");
	return false;
}

static bool
read_pair(Pair *pair, const char *certificate_file, const char *key_file, Buf *error)
{
	*pair = (Pair){0};
	ERR_clear_error();
	if (read_certificates(pair, certificate_file, error) && read_key(pair, key_file, error))
		return true;
	pair_clear(pair);
	return false;
}

static bool
put_on(SSL_CTX *context, const Pair *pair)
{
	return SSL_CTX_use_cert_and_key(context, pair->certificate, pair->key, pair->chain, 1) == 1;
}

Tls *
tls_new(const char *certificate_file, const char *key_file, Buf *error)
{
	Tls *tls = calloc(1, sizeof *tls);

	if (!tls)
		buf_append_text(error, "out of memory");
	else if (read_pair(&tls->pair, certificate_file, key_file, error))
		return tls;
	free(tls);
	return NULL;
}

void
tls_free(Tls *tls)
{
	if (!tls)
		return;
	pair_clear(&tls->pair);
	free(tls);
}

bool
tls_reload(Tls *tls, const char *certificate_file, const char *key_file, Buf *error)
{
	Pair fresh;

	if (!read_pair(&fresh, certificate_file, key_file, error))
		return false;
	if (X509_cmp_current_time(X509_get0_notAfter(fresh.certificate)) < 0)
		explain(error, "certificate", certificate_file, "its time is over");
	else if (tls->context && !put_on(tls->context, &fresh))
	{
		explain(error, "certificate", certificate_file, NULL);
		put_on(tls->context, &tls->pair);
	}
	else
	{
		pair_clear(&tls->pair);
		tls->pair = fresh;
		return true;
	}
	pair_clear(&fresh);
	return false;
}

bool
tls_dress(Tls *tls, void *context)
{
	tls->context = context;
	return SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1 && put_on(tls->context, &tls->pair);
}

int64_t
tls_expires_at_s(const Tls *tls)
{
	struct tm when;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(tls->pair.certificate), &when) != 1)
		return 0;
	return (int64_t) timegm(&when);
}
