/*
 * tls.h
 *	  The certificate that clients are shown, and its key.
 *
 * Both are read whole and checked before either is used, so a file that is
 * half written or the wrong one changes nothing.  The library makes the context
 * that connections share; what is read anew is put into it, and counts for
 * connections that begin afterwards.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

typedef struct Tls Tls;

/* Reads both files (PEM; the certificate with its chain).  NULL fills error with one sentence. */
Tls *tls_new(const char *certificate_file, const char *key_file, Buf *error);
void tls_free(Tls *tls);

/* Reads them anew.  False fills error, and the old ones stay; also when the new certificate is over already. */
bool tls_reload(Tls *tls, const char *certificate_file, const char *key_file, Buf *error);

/* The context of OpenSSL that connections will share; false when it does not take the certificate. */
bool tls_dress(Tls *tls, void *context);

/* Until when the certificate is good, in seconds since 1970. */
int64_t tls_expires_at_s(const Tls *tls);

#endif
