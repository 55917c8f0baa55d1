/*
 * token_test.c
 *	  Tokens: what is taken, and every trap that must not work.
 *
 * Keys are made here and tokens signed with OpenSSL itself, so that they can
 * be wrong in ways that no library would write.
 */
#include "token.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define NOW 1700000000
#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER_SECRET "fedcba9876543210fedcba9876543210"
#define CLAIMS "{\"sub\":\"ann\",\"org\":\"acme\",\"exp\":1700000600,\"inventory\":{\"role\":\"viewer\"}}"

static TokenRules rules = {.leeway_s = 30, .overlap_s = 600};
static EVP_PKEY *rsa, *other_rsa, *small_rsa, *ec, *p384;
static char folder[] = "/tmp/token_test.XXXXXX";

/* Base64url */

static void
append_base64url(Buf *buf, const unsigned char *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < size; i += 3)
	{
		unsigned word = (unsigned) bytes[i] << 16 | (i + 1 < size ? (unsigned) bytes[i + 1] << 8 : 0) |
						(i + 2 < size ? bytes[i + 2] : 0);

		for (unsigned d = 0; d < 4 && d <= size - i; d++)
			buf_append_char(buf, digits[word >> (18 - 6 * d) & 63]);
	}
}

/* Signing */

static void
sign_hmac(Buf *out, const char *secret, const char *text, size_t size)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_size;

	HMAC(EVP_sha256(), secret, (int) strlen(secret), (const unsigned char *) text, size, mac, &mac_size);
	append_base64url(out, mac, mac_size);
}

static size_t
sign_key(EVP_PKEY *key, bool is_pss, const char *text, size_t size, unsigned char *signature, size_t room)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *of_key;

	EVP_DigestSignInit(context, &of_key, EVP_sha256(), NULL, key);
	if (is_pss)
	{
		EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST);
	}
	EVP_DigestSign(context, signature, &room, (const unsigned char *) text, size);
	EVP_MD_CTX_free(context);
	return room;
}

/* ECDSA as JWS wants it: the two numbers, 32 bytes each. */
static void
append_raw_ecdsa(Buf *out, const unsigned char *der, size_t size)
{
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long) size);
	unsigned char raw[64];

	BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32);
	ECDSA_SIG_free(signature);
	append_base64url(out, raw, sizeof raw);
}

typedef enum Signer
{
	WITH_SECRET,
	WITH_OTHER_SECRET,
	WITH_RS256,
	WITH_PS256,
	WITH_OTHER_RSA,
	WITH_ES256,
	WITH_ES256_DER, /* not the form of JWS */
	WITH_RSA_PUBLIC_KEY_AS_SECRET,
	WITH_NOTHING
} Signer;

static void
append_signature(Buf *token, Signer signer)
{
	unsigned char bytes[512];
	size_t size = token->size;
	size_t count;
	char *text = strdup(buf_text(token));

	buf_append_char(token, '.');
	switch (signer)
	{
		case WITH_SECRET:
			sign_hmac(token, SECRET, text, size);
			break;
		case WITH_OTHER_SECRET:
			sign_hmac(token, OTHER_SECRET, text, size);
			break;
		case WITH_RS256:
		case WITH_PS256:
		case WITH_OTHER_RSA:
			count = sign_key(signer == WITH_OTHER_RSA ? other_rsa : rsa, signer == WITH_PS256, text, size, bytes, sizeof bytes);
			append_base64url(token, bytes, count);
			break;
		case WITH_ES256:
		case WITH_ES256_DER:
			count = sign_key(ec, false, text, size, bytes, sizeof bytes);
			if (signer == WITH_ES256)
				append_raw_ecdsa(token, bytes, count);
			else
				append_base64url(token, bytes, count);
			break;
		case WITH_RSA_PUBLIC_KEY_AS_SECRET:
		{
			unsigned char *der = NULL;
			unsigned char mac[EVP_MAX_MD_SIZE];
			unsigned mac_size;
			int der_size = i2d_PUBKEY(rsa, &der);

			HMAC(EVP_sha256(), der, der_size, (unsigned char *) text, size, mac, &mac_size);
			append_base64url(token, mac, mac_size);
			OPENSSL_free(der);
			break;
		}
		case WITH_NOTHING:
			break;
	}
	free(text);
}

static const char *
make_token(const char *header, const char *claims, Signer signer)
{
	static Buf token;

	buf_reset(&token);
	append_base64url(&token, (const unsigned char *) header, strlen(header));
	buf_append_char(&token, '.');
	append_base64url(&token, (const unsigned char *) claims, strlen(claims));
	append_signature(&token, signer);
	return buf_text(&token);
}

/* Keys as JWKS */

static void
append_number(Buf *buf, EVP_PKEY *key, const char *parameter, const char *name)
{
	BIGNUM *number = NULL;
	unsigned char bytes[512];
	int size;

	EVP_PKEY_get_bn_param(key, parameter, &number);
	size = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? BN_bn2binpad(number, bytes, key == p384 ? 48 : 32) : BN_bn2bin(number, bytes);
	BN_free(number);
	buf_printf(buf, ",\"%s\":\"", name);
	append_base64url(buf, bytes, (size_t) size);
	buf_append_char(buf, '"');
}

static void
append_jwk(Buf *buf, EVP_PKEY *key, const char *more)
{
	buf_append_text(buf, buf->size > 9 ? "," : "");
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
	{
		buf_append_text(buf, "{\"kty\":\"RSA\"");
		append_number(buf, key, OSSL_PKEY_PARAM_RSA_N, "n");
		append_number(buf, key, OSSL_PKEY_PARAM_RSA_E, "e");
	}
	else
	{
		buf_printf(buf, "{\"kty\":\"EC\",\"crv\":\"%s\"", key == p384 ? "P-384" : "P-256");
		append_number(buf, key, OSSL_PKEY_PARAM_EC_PUB_X, "x");
		append_number(buf, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y");
	}
	buf_printf(buf, "%s}", more);
}

/* Writes a file and returns its path. */
static const char *
write_file(const char *text)
{
	static char path[64];
	FILE *file;

	snprintf(path, sizeof path, "%s/keys.json", folder);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	return path;
}

static const char *
write_keys(EVP_PKEY *first, const char *first_more, EVP_PKEY *second, const char *second_more)
{
	Buf text = {0};
	const char *path;

	buf_append_text(&text, "{\"keys\":[");
	append_jwk(&text, first, first_more);
	if (second)
		append_jwk(&text, second, second_more);
	buf_append_text(&text, "]}");
	path = write_file(buf_text(&text));
	buf_free(&text);
	return path;
}

static KeyRing *
ring_of(const char *secret, const char *path)
{
	KeyRing *ring = keyring_new(&rules);
	Buf error = {0};

	if (!keyring_load(ring, secret, path, NOW, &error))
		printf("# %s\n", buf_text(&error));
	buf_free(&error);
	return ring;
}

static const char *
verdict_at(KeyRing *ring, const char *text, int64_t now)
{
	Token token;
	TokenVerdict verdict = token_verify(ring, text, now, &token);

	token_clear(&token);
	return token_verdict_word(verdict);
}

static const char *
verdict_of(KeyRing *ring, const char *text)
{
	return verdict_at(ring, text, NOW);
}

static void
test_good(void)
{
	KeyRing *ring = ring_of(SECRET, "");
	Token token;
	const char *text = make_token("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", CLAIMS, WITH_SECRET);

	is_number(token_verify(ring, text, NOW, &token), TOKEN_GOOD, "a good token is taken");
	is_text(token.subject, "ann", "with its subject");
	is_text(token.organization, "acme", "its organization");
	is_text(token.claims, CLAIMS, "its claims as they were signed");
	is_number(token.expires_at_s, 1700000630, "and its end, with the leeway");
	token_clear(&token);
	is_text(verdict_of(ring, text), "good", "it is taken again from memory");
	is_text(verdict_at(ring, text, NOW + 629), "good", "until its end");
	is_text(verdict_at(ring, text, NOW + 630), "token_expired", "and not beyond, though it is remembered");
	text = make_token("{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600.5}", WITH_SECRET);
	is_text(verdict_at(ring, text, NOW + 630), "good", "the last second of a token counts whole");
	is_text(verdict_at(ring, text, NOW + 630), "good", "from memory too");
	is_text(verdict_at(ring, text, NOW + 631), "token_expired", "and is the last");
	keyring_free(ring);

	ring = ring_of("", write_keys(rsa, ",\"alg\":\"RS256\"", NULL, NULL));
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_RS256)), "good", "RS256 is taken");
	keyring_free(ring);
	ring = ring_of("", write_keys(rsa, "", NULL, NULL));
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_RS256)), "good", "an RSA key that says nothing is for RS256");
	is_text(verdict_of(ring, make_token("{\"alg\":\"PS256\"}", CLAIMS, WITH_PS256)), "wrong_algorithm", "and for no other");
	keyring_free(ring);
	ring = ring_of("", write_keys(rsa, ",\"alg\":\"PS256\"", NULL, NULL));
	is_text(verdict_of(ring, make_token("{\"alg\":\"PS256\"}", CLAIMS, WITH_PS256)), "good", "PS256 is taken");
	keyring_free(ring);
	ring = ring_of("", write_keys(ec, "", NULL, NULL));
	is_text(verdict_of(ring, make_token("{\"alg\":\"ES256\"}", CLAIMS, WITH_ES256)), "good", "ES256 is taken");
	is_text(verdict_of(ring, make_token("{\"alg\":\"ES256\"}", CLAIMS, WITH_ES256_DER)), "bad_signature", "only in the form of JWS");
	keyring_free(ring);
}

/* Trap, then what comes of it. */
static void
test_traps(void)
{
	static const struct
	{
		const char *trap;
		const char *header;
		const char *claims;
		Signer signer;
		const char *verdict;
	} cases[] = {
		{"alg none without a signature", "{\"alg\":\"none\"}", CLAIMS, WITH_NOTHING, "malformed"},
		{"alg none with one", "{\"alg\":\"none\"}", CLAIMS, WITH_SECRET, "wrong_algorithm"},
		{"alg None", "{\"alg\":\"None\"}", CLAIMS, WITH_SECRET, "wrong_algorithm"},
		{"alg in lower case", "{\"alg\":\"hs256\"}", CLAIMS, WITH_SECRET, "wrong_algorithm"},
		{"HS512 with the same key", "{\"alg\":\"HS512\"}", CLAIMS, WITH_SECRET, "wrong_algorithm"},
		{"EdDSA", "{\"alg\":\"EdDSA\"}", CLAIMS, WITH_SECRET, "wrong_algorithm"},
		{"no alg", "{\"typ\":\"JWT\"}", CLAIMS, WITH_SECRET, "malformed"},
		{"an alg that is no string", "{\"alg\":[\"HS256\"]}", CLAIMS, WITH_SECRET, "malformed"},
		{"two algs", "{\"alg\":\"HS256\",\"alg\":\"none\"}", CLAIMS, WITH_SECRET, "malformed"},
		{"a critical extension", "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS, WITH_SECRET, "malformed"},
		{"a key of its own (jwk)", "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA\"}}",
		 CLAIMS, WITH_OTHER_SECRET, "bad_signature"},
		{"an address of a key (jku)", "{\"alg\":\"HS256\",\"jku\":\"http://127.0.0.1/keys\"}", CLAIMS, WITH_OTHER_SECRET, "bad_signature"},
		{"a kid that is a path", "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", CLAIMS, WITH_OTHER_SECRET, "bad_signature"},
		{"a kid that is a number", "{\"alg\":\"HS256\",\"kid\":1}", CLAIMS, WITH_SECRET, "malformed"},
		{"another secret", "{\"alg\":\"HS256\"}", CLAIMS, WITH_OTHER_SECRET, "bad_signature"},
		{"a header that is no JSON", "HS256", CLAIMS, WITH_SECRET, "malformed"},
		{"claims that are no JSON", "{\"alg\":\"HS256\"}", "sub=ann", WITH_SECRET, "malformed"},
		{"claims that are a list", "{\"alg\":\"HS256\"}", "[1]", WITH_SECRET, "malformed"},
		{"a claim said twice", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"sub\":\"bob\",\"exp\":1700000600}", WITH_SECRET, "malformed"},
		{"claims that are not UTF-8", "{\"alg\":\"HS256\"}", "{\"sub\":\"\xff\",\"exp\":1700000600}", WITH_SECRET, "malformed"},
		{"no exp", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\"}", WITH_SECRET, "bad_claims"},
		{"an exp that is a string", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":\"1700000600\"}", WITH_SECRET, "bad_claims"},
		{"an exp that is null", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":null}", WITH_SECRET, "bad_claims"},
		{"an endless exp", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1e300}", WITH_SECRET, "bad_claims"},
		{"an exp in the past", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1699999970}", WITH_SECRET, "token_expired"},
		{"a negative exp", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":-1}", WITH_SECRET, "token_expired"},
		{"an exp just past, within the leeway", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1699999971}", WITH_SECRET, "good"},
		{"an nbf to come", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600,\"nbf\":1700000031}", WITH_SECRET, "not_yet_valid"},
		{"an nbf within the leeway", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600,\"nbf\":1700000030}", WITH_SECRET, "good"},
		{"an nbf that is a string", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600,\"nbf\":\"0\"}", WITH_SECRET, "bad_claims"},
		{"an iat to come", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600,\"iat\":1700000031}", WITH_SECRET, "not_yet_valid"},
		{"no sub", "{\"alg\":\"HS256\"}", "{\"exp\":1700000600}", WITH_SECRET, "bad_claims"},
		{"an empty sub", "{\"alg\":\"HS256\"}", "{\"sub\":\"\",\"exp\":1700000600}", WITH_SECRET, "bad_claims"},
		{"a sub with NUL", "{\"alg\":\"HS256\"}", "{\"sub\":\"a\\u0000b\",\"exp\":1700000600}", WITH_SECRET, "malformed"},
		{"a sub with a control character", "{\"alg\":\"HS256\"}", "{\"sub\":\"a\\nb\",\"exp\":1700000600}", WITH_SECRET, "bad_claims"},
		{"an org that is a number", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"org\":1,\"exp\":1700000600}", WITH_SECRET, "bad_claims"},
		{"claims nested too deeply", "{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600,\"x\":[[[[[[[[[1]]]]]]]]]}", WITH_SECRET, "malformed"},
	};
	KeyRing *ring = ring_of(SECRET, "");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_text(verdict_of(ring, make_token(cases[i].header, cases[i].claims, cases[i].signer)), cases[i].verdict,
				"%s: %s", cases[i].trap, cases[i].verdict);
	keyring_free(ring);

	ring = ring_of("", write_keys(rsa, ",\"alg\":\"RS256\"", ec, ""));
	is_text(verdict_of(ring, make_token("{\"alg\":\"HS256\"}", CLAIMS, WITH_RSA_PUBLIC_KEY_AS_SECRET)), "wrong_algorithm",
			"the public key as an HMAC secret: wrong_algorithm");
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_OTHER_RSA)), "bad_signature",
			"another RSA key: bad_signature");
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_ES256)), "bad_signature",
			"the signature of another type: bad_signature");
	keyring_free(ring);
}

static void
change_at(char *text, size_t at, char to)
{
	text[at] = text[at] == to ? 'B' : to;
}

static void
test_form(void)
{
	KeyRing *ring = ring_of(SECRET, "");
	const char *good = make_token("{\"alg\":\"HS256\"}", CLAIMS, WITH_SECRET);
	size_t size = strlen(good);
	char *text = malloc(TOKEN_MAX_SIZE + 10);
	bool is_fine = true;

	for (size_t i = 0; i < size; i++)
	{
		strcpy(text, good);
		change_at(text, i, 'A');
		is_fine = is_fine && strcmp(verdict_of(ring, text), "good") != 0;
	}
	ok(is_fine, "no byte of a token can be changed");
	for (size_t i = 0; i < size; i++)
	{
		snprintf(text, i + 1, "%s", good);
		is_fine = is_fine && strcmp(verdict_of(ring, text), "good") != 0;
	}
	ok(is_fine, "nor can its end be missing");
	snprintf(text, TOKEN_MAX_SIZE, "%s=", good);
	is_text(verdict_of(ring, text), "malformed", "padding is no part of it");
	snprintf(text, TOKEN_MAX_SIZE, "%s\n", good);
	is_text(verdict_of(ring, text), "malformed", "nor is a line end");
	snprintf(text, TOKEN_MAX_SIZE, " %s", good);
	is_text(verdict_of(ring, text), "malformed", "nor a space");
	snprintf(text, TOKEN_MAX_SIZE, "%s.", good);
	is_text(verdict_of(ring, text), "malformed", "nor a fourth part");
	snprintf(text, TOKEN_MAX_SIZE, "%s.x", good);
	is_text(verdict_of(ring, text), "malformed", "also when it is not empty");
	strcpy(text, good);
	text[size - 1] = (char) (text[size - 1] + 1);
	ok(strcmp(verdict_of(ring, text), "good") != 0, "bits left over must be zero");
	is_text(verdict_of(ring, ""), "malformed", "nothing is no token");
	is_text(verdict_of(ring, ".."), "malformed", "nor are two dots");
	memset(text, 'A', TOKEN_MAX_SIZE + 1);
	text[TOKEN_MAX_SIZE + 1] = '\0';
	is_text(verdict_of(ring, text), "malformed", "one that is too long is not read");
	free(text);
	keyring_free(ring);
}

static void
test_audience(void)
{
	char *audiences[] = {"inventory", "shop", NULL};
	char *issuers[] = {"https://id.example", NULL};
	KeyRing *ring = ring_of(SECRET, "");

	rules.audiences = audiences;
	rules.issuers = issuers;
#define WITH_CLAIMS(more) make_token("{\"alg\":\"HS256\"}", "{\"sub\":\"ann\",\"exp\":1700000600" more "}", WITH_SECRET)
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":\"shop\",\"iss\":\"https://id.example\"")), "good", "audience and issuer are as configured");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":[\"x\",\"inventory\"],\"iss\":\"https://id.example\"")), "good", "one audience of several is enough");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":\"Shop\",\"iss\":\"https://id.example\"")), "wrong_audience", "it must be equal");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":[],\"iss\":\"https://id.example\"")), "wrong_audience", "there must be one");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"iss\":\"https://id.example\"")), "wrong_audience", "it must be there");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":{\"shop\":1},\"iss\":\"https://id.example\"")), "wrong_audience", "and be text");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":\"shop\",\"iss\":\"https://id.example/\"")), "wrong_issuer", "so must the issuer");
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":\"shop\"")), "wrong_issuer", "which must be there too");
	audiences[0] = "elsewhere";
	keyring_forget(ring);
	is_text(verdict_of(ring, WITH_CLAIMS(",\"aud\":[\"x\",\"inventory\"],\"iss\":\"https://id.example\"")), "wrong_audience", "what was good by other rules is judged anew");
	rules.audiences = rules.issuers = NULL;
	keyring_free(ring);
}

static uint64_t
key_number_of(KeyRing *ring, const char *text)
{
	Token token;
	uint64_t number;

	token_verify(ring, text, NOW, &token);
	number = token.key_number;
	token_clear(&token);
	return number;
}

static void
test_rotation(void)
{
	KeyRing *ring = ring_of("", write_keys(rsa, ",\"kid\":\"a\"", other_rsa, ",\"kid\":\"b\""));
	char *with_a = strdup(make_token("{\"alg\":\"RS256\",\"kid\":\"a\"}", CLAIMS, WITH_RS256));
	char *with_b = strdup(make_token("{\"alg\":\"RS256\",\"kid\":\"b\"}", CLAIMS, WITH_OTHER_RSA));
	uint64_t number_a;
	uint64_t number_b;
	Buf error = {0};

	is_text(verdict_of(ring, with_a), "good", "the kid finds the key");
	number_a = key_number_of(ring, with_a);
	number_b = key_number_of(ring, with_b);
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\",\"kid\":\"b\"}", CLAIMS, WITH_RS256)), "bad_signature", "and only that one");
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\",\"kid\":\"c\"}", CLAIMS, WITH_RS256)), "unknown_key", "one that is not there finds none");
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_OTHER_RSA)), "good", "without a kid every key is tried");

	ok(keyring_load(ring, "", write_keys(other_rsa, ",\"kid\":\"b\"", ec, ",\"kid\":\"c\""), NOW, &error), "keys are read anew");
	is_text(verdict_of(ring, with_b), "good", "one that is still there goes on");
	is_text(verdict_of(ring, make_token("{\"alg\":\"ES256\",\"kid\":\"c\"}", CLAIMS, WITH_ES256)), "good", "a new one is taken");
	is_text(verdict_at(ring, with_a, NOW + 599), "good", "one that has gone is good for the overlap");
	is_text(verdict_at(ring, with_a, NOW + 600), "unknown_key", "and no longer, though its token is remembered");
	ok(keyring_has(ring, number_a, NOW + 599), "what rests on it stands as long");
	ok(!keyring_has(ring, number_a, NOW + 600), "and falls with it");
	ok(keyring_has(ring, number_b, NOW + 600), "what rests on a key that stayed does not");
	ok(!keyring_load(ring, "", write_file("{\"keys\":[{\"kty\":\"RSA\"}]}"), NOW + 599, &error), "a broken file is refused");
	is_text(verdict_at(ring, with_b, NOW + 599), "good", "and changes nothing");
	keyring_load(ring, "", write_keys(other_rsa, ",\"kid\":\"b\"", NULL, NULL), NOW + 600, &error);
	is_text(verdict_at(ring, with_a, NOW + 600), "unknown_key", "after it, it is not");
	buf_free(&error);
	free(with_a);
	free(with_b);
	keyring_free(ring);
}

static void
test_bad_keys(void)
{
	static const struct
	{
		const char *file;
		const char *fault;
	} cases[] = {
		{"", "value expected"},
		{"[]", "no JSON object"},
		{"{}", "it has no list \"keys\""},
		{"{\"keys\":{}}", "it has no list \"keys\""},
		{"{\"keys\":[]}", "has no key to verify with"},
		{"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", "has no key to verify with"},
		{"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}", "a secret needs 32 bytes at least"},
		{"{\"keys\":[{\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}", "its algorithm is none of"},
		{"{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}", "its algorithm is none of"},
		{"{\"keys\":[{\"kty\":\"oct\",\"k\":\"LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUlJQklqQU5CZ2txaGtpRw\"}]}", "the secret is a public key"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "an RSA key needs 2048 bits at least"},
		{"{\"keys\":[{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZ=YY\"}]}", "not written in base64url"},
		{"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A=AA\",\"y\":\"AAAA\"}]}", "not written in base64url"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB+/\",\"e\":\"AQAB\"}]}", "not written in base64url"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQABA\",\"e\":\"AQAB\"}]}", "not written in base64url"},
	};
	KeyRing *ring = keyring_new(&rules);
	Buf error = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		buf_reset(&error);
		ok(!keyring_load(ring, "", write_file(cases[i].file), NOW, &error) && strstr(buf_text(&error), cases[i].fault),
		   "%.60s: %s", *cases[i].file ? cases[i].file : "an empty file", cases[i].fault);
	}
	buf_reset(&error);
	ok(!keyring_load(ring, "", write_keys(small_rsa, "", NULL, NULL), NOW, &error), "an RSA key of 1024 bits is refused");
	ok(!keyring_load(ring, "", write_keys(p384, "", NULL, NULL), NOW, &error), "another curve than P-256 too");
	ok(!keyring_load(ring, "", write_keys(rsa, ",\"d\":\"AQAB\",\"p\":\"AQAB\",\"q\":\"AQAB\"", NULL, NULL), NOW, &error),
	   "and a private key");
	ok(!keyring_load(ring, "", "/nowhere/keys.json", NOW, &error), "and a file that is not there");
	ok(!keyring_load(ring, "too short", "", NOW, &error), "and a short secret");
	ok(!keyring_load(ring, "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG", "", NOW, &error), "and a secret that is a public key");
	ok(keyring_is_empty(ring), "none of it has left a key");
	ok(keyring_load(ring, "", write_keys(rsa, ",\"use\":\"enc\"", ec, ",\"use\":\"sig\""), NOW, &error),
	   "a key for encryption beside one for signatures is passed over");
	is_text(verdict_of(ring, make_token("{\"alg\":\"RS256\"}", CLAIMS, WITH_RS256)), "wrong_algorithm", "and not used");
	buf_free(&error);
	keyring_free(ring);
}

int
main(void)
{
	char path[64];

	if (!mkdtemp(folder))
		return 1;
	rsa = EVP_RSA_gen(2048);
	other_rsa = EVP_RSA_gen(2048);
	small_rsa = EVP_RSA_gen(1024);
	ec = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	test_good();
	test_traps();
	test_form();
	test_audience();
	test_rotation();
	test_bad_keys();
	EVP_PKEY_free(rsa), EVP_PKEY_free(other_rsa), EVP_PKEY_free(small_rsa), EVP_PKEY_free(ec), EVP_PKEY_free(p384);
	snprintf(path, sizeof path, "%s/keys.json", folder);
	unlink(path);
	rmdir(folder);
	return tap_done();
}
