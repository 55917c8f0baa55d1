/*
 * tls_test.c
 *	  Certificates and keys: what is taken, and what changes nothing.
 */
#include "tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/tls_test_XXXXXX";
static Buf error;

static const char *
path_of(const char *name)
{
	static char paths[4][64];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

/* A certificate that signs itself, good from so many seconds ago for so long, and its key. */
static void
write_pair(const char *name, long began_s, long lasts_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	char file_name[32];
	FILE *file;

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -began_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), lasts_s - began_s);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *) "localhost", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_sign(certificate, key, EVP_sha256());
	snprintf(file_name, sizeof file_name, "%s.crt", name);
	file = fopen(path_of(file_name), "w");
	PEM_write_X509(file, certificate);
	fclose(file);
	snprintf(file_name, sizeof file_name, "%s.key", name);
	file = fopen(path_of(file_name), "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	snprintf(file_name, sizeof file_name, "%s.locked", name);
	file = fopen(path_of(file_name), "w");
	PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *) "secret", 6, NULL, NULL);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static bool
is_shown(SSL_CTX *context, const char *name)
{
	FILE *file = fopen(path_of(name), "r");
	X509 *wanted = PEM_read_X509(file, NULL, NULL, NULL);
	bool is_same = X509_cmp(SSL_CTX_get0_certificate(context), wanted) == 0;

	fclose(file);
	X509_free(wanted);
	return is_same;
}

static const char *
refused(const char *certificate, const char *key)
{
	Tls *tls;

	buf_reset(&error);
	tls = tls_new(path_of(certificate), path_of(key), &error);
	tls_free(tls);
	return tls ? "" : buf_text(&error);
}

static void
test_files(void)
{
	static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIB";
	FILE *file = fopen(path_of("cut.crt"), "w");

	fwrite(cut, 1, sizeof cut - 1, file);
	fclose(file);
	is_text(refused("one.crt", "one.key"), "", "a certificate and its key are taken");
	ok(strstr(refused("none.crt", "one.key"), "none.crt\" cannot be used: No such file or directory"), "a file that is missing is named");
	ok(strstr(refused("one.key", "one.key"), "the certificate \""), "a key is no certificate");
	ok(strstr(refused("cut.crt", "one.key"), "cut.crt\" cannot be used"), "nor is half of one");
	ok(strstr(refused("one.crt", "two.key"), "two.key\" cannot be used: it is not that of the certificate"), "the key must be the certificate's");
	ok(strstr(refused("one.crt", "one.crt"), "there is none in it"), "and must be there");
	ok(strstr(refused("one.crt", "one.locked"), "or one with a password"), "without a password, which nobody is asked for");
	ok(!strcmp(refused("old.crt", "old.key"), ""), "one that has ended is taken at a start, where there is no other");
}

static void
test_reload(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	Tls *tls = tls_new(path_of("one.crt"), path_of("one.key"), &error);
	int64_t now_s = (int64_t) time(NULL);

	buf_reset(&error);
	ok(tls_dress(tls, context) && is_shown(context, "one.crt"), "connections are shown the certificate");
	ok(SSL_CTX_get_min_proto_version(context) == TLS1_2_VERSION, "from TLS 1.2 on");
	ok(tls_expires_at_s(tls) > now_s + 3000 && tls_expires_at_s(tls) < now_s + 4000, "its end is known");
	ok(tls_reload(tls, path_of("two.crt"), path_of("two.key"), &error) && is_shown(context, "two.crt"), "then a new one");
	ok(!tls_reload(tls, path_of("one.crt"), path_of("two.key"), &error), "one with the wrong key is refused");
	ok(is_shown(context, "two.crt"), "and the old one stays");
	buf_reset(&error);
	ok(!tls_reload(tls, path_of("old.crt"), path_of("old.key"), &error), "as is one that has ended");
	ok(strstr(buf_text(&error), "its time is over") && is_shown(context, "two.crt"), "for that reason");
	ok(SSL_CTX_check_private_key(context) == 1, "what is shown has its key");
	tls_free(tls);
	SSL_CTX_free(context);
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 1;
	write_pair("one", 10, 3610);
	write_pair("two", 10, 7210);
	write_pair("old", 7200, 3600);
	test_files();
	test_reload();
	for (const char *const *name = (const char *const[]){"one.crt", "one.key", "one.locked", "two.crt", "two.key", "two.locked",
														 "old.crt", "old.key", "old.locked", "cut.crt", NULL};
		 *name; name++)
		unlink(path_of(*name));
	rmdir(folder);
	buf_free(&error);
	return tap_done();
}
