/*
 * token.c
 *	  Who a client is, as a signed token says (JWT, RFC 7519 and 8725).
 *
 * The only file that knows cjose (and of OpenSSL, below it, the hash).  The
 * library decodes base64 loosely and takes whatever algorithm a token names,
 * so the three parts are checked and the header is read here first, by the same
 * guard that client messages pass.
 */
#include "token.h"

#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_tree.h"

#define KEY_MAX_COUNT 32
#define KEY_FILE_MAX_SIZE 65536
#define SECRET_MIN_SIZE 32 /* bytes: less than the hash would be the weak part */
#define RSA_MIN_BITS 2048
#define ID_MAX_SIZE 200 /* of the database */

/* Good tokens remembered; a table of as many places, the newer token wins a place. */
#define MEMORY_COUNT 1024
#define DIGEST_SIZE 32

typedef enum Algorithm
{
	ALGORITHM_HS256,
	ALGORITHM_RS256,
	ALGORITHM_PS256,
	ALGORITHM_ES256,
	ALGORITHM_COUNT
} Algorithm;

static const struct
{
	const char *name;
	cjose_jwk_kty_t type;
	size_t signature_size; /* 0: that of the key */
} algorithms[ALGORITHM_COUNT] = {
	[ALGORITHM_HS256] = {"HS256", CJOSE_JWK_KTY_OCT, 32},
	[ALGORITHM_RS256] = {"RS256", CJOSE_JWK_KTY_RSA, 0},
	[ALGORITHM_PS256] = {"PS256", CJOSE_JWK_KTY_RSA, 0},
	[ALGORITHM_ES256] = {"ES256", CJOSE_JWK_KTY_EC, 64},
};

static const char *const verdict_words[TOKEN_VERDICT_COUNT] = {
	[TOKEN_GOOD] = "good",
	[TOKEN_MALFORMED] = "malformed",
	[TOKEN_UNKNOWN_KEY] = "unknown_key",
	[TOKEN_WRONG_ALGORITHM] = "wrong_algorithm",
	[TOKEN_BAD_SIGNATURE] = "bad_signature",
	[TOKEN_EXPIRED] = "token_expired",
	[TOKEN_NOT_YET_VALID] = "not_yet_valid",
	[TOKEN_WRONG_AUDIENCE] = "wrong_audience",
	[TOKEN_WRONG_ISSUER] = "wrong_issuer",
	[TOKEN_BAD_CLAIMS] = "bad_claims",
};

typedef struct Key
{
	cjose_jwk_t *jwk;
	char *id; /* kid; NULL without one */
	Algorithm algorithm;
	uint64_t number;	  /* keeps over reloads */
	int64_t good_until_s; /* 0: it is in use */
} Key;

typedef struct Memory
{
	unsigned char digest[DIGEST_SIZE];
	Token token;
} Memory;

struct KeyRing
{
	const TokenRules *rules;
	Key keys[KEY_MAX_COUNT];
	size_t count;
	Memory *memories; /* MEMORY_COUNT */
};

/* Memory of good tokens */

void
token_clear(Token *token)
{
	free(token->subject);
	free(token->organization);
	free(token->claims);
	*token = (Token){0};
}

static bool
token_copy(Token *to, const Token *from)
{
	*to = (Token){strdup(from->subject), strdup(from->organization), strdup(from->claims), from->expires_at_s,
				  from->key_number};
	if (to->subject && to->organization && to->claims)
		return true;
	token_clear(to);
	return false;
}

void
keyring_forget(KeyRing *ring)
{
	for (size_t i = 0; i < MEMORY_COUNT; i++)
		token_clear(&ring->memories[i].token);
}

static bool
digest_of(const char *text, size_t size, unsigned char digest[DIGEST_SIZE])
{
	return EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL) == 1;
}

static Memory *
memory_of(const KeyRing *ring, const unsigned char digest[DIGEST_SIZE])
{
	return &ring->memories[(digest[0] | digest[1] << 8) % MEMORY_COUNT];
}

/* Keys */

KeyRing *
keyring_new(const TokenRules *rules)
{
	KeyRing *ring = calloc(1, sizeof *ring);

	if (!ring)
		return NULL;
	ring->rules = rules;
	ring->memories = calloc(MEMORY_COUNT, sizeof *ring->memories);
	if (ring->memories)
		return ring;
	free(ring);
	return NULL;
}

static void
key_clear(Key *key)
{
	cjose_jwk_release(key->jwk);
	free(key->id);
	*key = (Key){0};
}

void
keyring_free(KeyRing *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < ring->count; i++)
		key_clear(&ring->keys[i]);
	keyring_forget(ring);
	free(ring->memories);
	free(ring);
}

bool
keyring_is_empty(const KeyRing *ring)
{
	return ring->count == 0;
}

/* A public key that was pasted as a secret would let everybody sign. */
static const char *
secret_fault(const char *bytes, size_t size)
{
	if (size < SECRET_MIN_SIZE)
		return "a secret needs 32 bytes at least";
	if (memmem(bytes, size, "-----BEGIN", 10) || memcmp(bytes, "\x30\x82", 2) == 0 || strncmp(bytes, "ssh-", 4) == 0)
		return "the secret is a public key";
	return NULL;
}

static bool
add_key(KeyRing *ring, cjose_jwk_t *jwk, const char *id, Algorithm algorithm)
{
	static uint64_t last_number;
	Key *key = &ring->keys[ring->count];

	*key = (Key){.jwk = jwk, .id = id ? strdup(id) : NULL, .algorithm = algorithm, .number = ++last_number};
	ring->count++;
	return jwk && (!id || key->id);
}

static bool
add_secret(KeyRing *ring, const char *secret, Buf *error)
{
	const char *fault = secret_fault(secret, strlen(secret));
	cjose_err ignored;

	if (!fault &&
		add_key(ring, cjose_jwk_create_oct_spec((const uint8_t *) secret, strlen(secret), &ignored), NULL, ALGORITHM_HS256))
		return true;
	buf_printf(error, "option jwt-secret: %s", fault ? fault : "out of memory");
	return false;
}

/* The algorithm of a key of the file: what it says, or the only one its type has here. */
static bool
algorithm_of(const char *name, cjose_jwk_kty_t type, Algorithm *algorithm)
{
	for (Algorithm i = 0; i < ALGORITHM_COUNT; i++)
		if (algorithms[i].type == type && (!name || strcmp(algorithms[i].name, name) == 0))
		{
			*algorithm = i;
			return true;
		}
	return false;
}

/* The value of a digit of base64url; negative for another byte. */
static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63
									: -1;
}

/*
 * libcjose ends the process over a "=" in the middle of a value.  What a key
 * is made of must be base64url as it is defined, before it is shown to it.
 */
static bool
is_encoded(Json *entry)
{
	static const char *const names[] = {"k", "n", "e", "x", "y", "d", "p", "q", "dp", "dq", "qi"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
	{
		const char *text = json_string(json_member(entry, names[i]));
		size_t size = text ? strlen(text) : 0;

		if (size % 4 == 1)
			return false;
		for (size_t at = 0; at < size; at++)
			if (digit_of(text[at]) < 0)
				return false;
	}
	return true;
}

static const char *
key_fault(cjose_jwk_t *jwk, Json *entry)
{
	cjose_err ignored;

	switch (cjose_jwk_get_kty(jwk, &ignored))
	{
		case CJOSE_JWK_KTY_OCT:
			return secret_fault(cjose_jwk_get_keydata(jwk, &ignored), cjose_jwk_get_keysize(jwk, &ignored) / 8);
		case CJOSE_JWK_KTY_RSA:
			if (cjose_jwk_get_keysize(jwk, &ignored) < RSA_MIN_BITS)
				return "an RSA key needs 2048 bits at least";
			break;
		case CJOSE_JWK_KTY_EC:
			if (cjose_jwk_EC_get_curve(jwk, &ignored) != CJOSE_JWK_EC_P_256)
				return "of elliptic curves only P-256 is understood";
			break;
		default:
			return "its type is not understood";
	}
	return json_member(entry, "d") ? "it is a private key, which has no business here" : NULL;
}

/* Keys for encryption, and those we do not understand, may stand in the same file. */
static bool
is_for_signing(Json *entry)
{
	const char *use = json_string(json_member(entry, "use"));
	const char *type = json_string(json_member(entry, "kty"));

	return (!use || strcmp(use, "sig") == 0) &&
		   type && (strcmp(type, "oct") == 0 || strcmp(type, "RSA") == 0 || strcmp(type, "EC") == 0);
}

static bool
add_entry(KeyRing *ring, Json *entry, size_t index, const char *path, Buf *error)
{
	const char *name = json_string(json_member(entry, "alg"));
	const char *fault = NULL;
	Algorithm algorithm = 0;
	cjose_err ignored;
	cjose_jwk_t *jwk = NULL;
	Buf text = {0};

	json_append(&text, entry);
	if (is_encoded(entry))
		jwk = cjose_jwk_import(buf_text(&text), text.size, &ignored);
	buf_free(&text);
	if (!is_encoded(entry))
		fault = "it is not written in base64url without padding";
	else if (!jwk)
		fault = "it is broken";
	else if (!algorithm_of(name, cjose_jwk_get_kty(jwk, &ignored), &algorithm))
		fault = "its algorithm is none of HS256, RS256, PS256, ES256, or not one for its type";
	else
		fault = key_fault(jwk, entry);
	if (!fault && !add_key(ring, jwk, json_string(json_member(entry, "kid")), algorithm))
		fault = "out of memory";
	else if (fault)
		cjose_jwk_release(jwk);
	if (fault)
		buf_printf(error, "the key file \"%s\", key %zu: %s", path, index + 1, fault);
	return !fault;
}

static bool
add_entries(KeyRing *ring, Json *keys, const char *path, Buf *error)
{
	for (size_t i = 0; i < json_count(keys); i++)
	{
		if (!is_for_signing(json_item(keys, i)))
			continue;
		if (ring->count == KEY_MAX_COUNT)
		{
			buf_printf(error, "the key file \"%s\" has more than %d keys", path, KEY_MAX_COUNT);
			return false;
		}
		if (!add_entry(ring, json_item(keys, i), i, path, error))
			return false;
	}
	if (ring->count)
		return true;
	buf_printf(error, "the key file \"%s\" has no key to verify with", path);
	return false;
}

static bool
add_file(KeyRing *ring, const char *path, Buf *error)
{
	char *bytes = malloc(KEY_FILE_MAX_SIZE);
	FILE *file = bytes ? fopen(path, "re") : NULL;
	size_t size = file ? fread(bytes, 1, KEY_FILE_MAX_SIZE, file) : 0;
	const char *wrong = "it cannot be read";
	Json *root = NULL;
	bool is_fine;

	if (file && size < KEY_FILE_MAX_SIZE && !ferror(file))
		root = json_parse(bytes, size, &wrong);
	if (file)
		fclose(file);
	free(bytes);
	is_fine = json_is_array(json_member(root, "keys"));
	if (is_fine)
		is_fine = add_entries(ring, json_member(root, "keys"), path, error);
	else
		buf_printf(error, "the key file \"%s\": %s", path, root ? "it has no list \"keys\"" : wrong);
	json_free(root);
	return is_fine;
}

static bool
is_same_key(const Key *one, const Key *other)
{
	cjose_err ignored;
	bool is_secret = one->algorithm == ALGORITHM_HS256; /* of the others only the public half is here */
	char *a = cjose_jwk_to_json(one->jwk, is_secret, &ignored);
	char *b = cjose_jwk_to_json(other->jwk, is_secret, &ignored);
	bool is_same = a && b && one->algorithm == other->algorithm && strcmp(a, b) == 0;

	free(a);
	free(b);
	return is_same;
}

/* Keys that were good and are not in the new ring go on for a while. */
static void
keep_old_keys(KeyRing *fresh, KeyRing *old, int64_t now_s)
{
	for (size_t i = 0; i < old->count; i++)
	{
		Key *key = &old->keys[i];
		bool is_there = false;

		for (size_t other = 0; other < fresh->count && !is_there; other++)
			if ((is_there = is_same_key(key, &fresh->keys[other])))
				fresh->keys[other].number = key->number;
		if (!key->good_until_s)
			key->good_until_s = now_s + old->rules->overlap_s;
		if (is_there || key->good_until_s <= now_s || fresh->count == KEY_MAX_COUNT)
			continue;
		fresh->keys[fresh->count++] = *key;
		*key = (Key){0};
	}
}

bool
keyring_load(KeyRing *ring, const char *secret, const char *path, int64_t now_s, Buf *error)
{
	KeyRing *fresh = keyring_new(ring->rules);
	bool is_fine = fresh && (!*secret || add_secret(fresh, secret, error)) && (!*path || add_file(fresh, path, error));

	if (is_fine)
	{
		KeyRing old;

		keep_old_keys(fresh, ring, now_s);
		old = *ring;
		*ring = *fresh;
		*fresh = old;
	}
	else if (!fresh)
		buf_append_text(error, "out of memory");
	keyring_free(fresh);
	return is_fine;
}

/* Parts */

typedef struct Part
{
	const char *text;
	size_t size;
} Part;

/* Decodes into out, which has room for the text.  Strictly: no padding, no space, no bits left over. */
static bool
decode(const Part *part, unsigned char *out, size_t *out_size)
{
	unsigned bits = 0;
	unsigned bit_count = 0;

	*out_size = 0;
	if (part->size % 4 == 1)
		return false;
	for (size_t i = 0; i < part->size; i++)
	{
		int digit = digit_of(part->text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned) digit;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		out[(*out_size)++] = (unsigned char) (bits >> bit_count);
		bits &= (1u << bit_count) - 1;
	}
	return bits == 0;
}

/* Exactly three parts, none of them empty. */
static bool
split(const char *text, Part parts[3])
{
	for (int i = 0; i < 3; i++)
	{
		parts[i] = (Part){text, strcspn(text, ".")};
		text += parts[i].size;
		if (!parts[i].size || (i < 2) != (*text == '.'))
			return false;
		text++;
	}
	return true;
}

/* Verifying */

static bool
is_candidate(const Key *key, const char *id, int64_t now_s)
{
	if (key->good_until_s && key->good_until_s <= now_s)
		return false;
	return !id || !key->id || strcmp(key->id, id) == 0;
}

bool
keyring_has(const KeyRing *ring, uint64_t number, int64_t now_s)
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->keys[i].number == number)
			return is_candidate(&ring->keys[i], NULL, now_s);
	return false;
}

static bool
is_signed_with(const Key *key, const char *text, size_t size)
{
	cjose_err ignored;
	cjose_jws_t *jws = cjose_jws_import(text, size, &ignored);
	bool is_good = jws && cjose_jws_verify(jws, key->jwk, &ignored);

	cjose_jws_release(jws);
	return is_good;
}

static TokenVerdict
verify_signature(const KeyRing *ring, Json *header, const char *text, size_t signature_size, int64_t now_s,
				 uint64_t *key_number)
{
	const char *name = json_string(json_member(header, "alg"));
	const char *id = json_string(json_member(header, "kid"));
	TokenVerdict verdict = TOKEN_UNKNOWN_KEY;

	if (!name || json_member(header, "crit") || (json_member(header, "kid") && !id))
		return TOKEN_MALFORMED;
	for (size_t i = 0; i < ring->count; i++)
	{
		const Key *key = &ring->keys[i];
		size_t size = algorithms[key->algorithm].signature_size;

		if (!is_candidate(key, id, now_s))
			continue;
		if (strcmp(algorithms[key->algorithm].name, name) != 0)
			verdict = verdict == TOKEN_UNKNOWN_KEY ? TOKEN_WRONG_ALGORITHM : verdict;
		else if ((!size || size == signature_size) && is_signed_with(key, text, strlen(text)))
		{
			*key_number = key->number;
			return TOKEN_GOOD;
		}
		else
			verdict = TOKEN_BAD_SIGNATURE;
	}
	return verdict;
}

static bool
is_listed(char **list, const char *text)
{
	for (; text && list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static bool
is_audience_fine(char **audiences, Json *claim)
{
	if (!audiences || !*audiences || is_listed(audiences, json_string(claim)))
		return true;
	for (size_t i = 0; i < json_count(claim); i++)
		if (is_listed(audiences, json_string(json_item(claim, i))))
			return true;
	return false;
}

/* An id as the database has them. */
static bool
is_id(const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < size; i++)
		if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return size <= ID_MAX_SIZE;
}

static TokenVerdict
check_times(const TokenRules *rules, Json *claims, int64_t now_s, double *expires_at)
{
	double not_before = 0;
	double issued_at = 0;
	double now = (double) now_s;
	double leeway = (double) rules->leeway_s;

	if (!json_number(json_member(claims, "exp"), expires_at) || !isfinite(*expires_at) || fabs(*expires_at) > 1e15 ||
		(json_member(claims, "nbf") && !json_number(json_member(claims, "nbf"), &not_before)) ||
		(json_member(claims, "iat") && !json_number(json_member(claims, "iat"), &issued_at)))
		return TOKEN_BAD_CLAIMS;
	if (now >= *expires_at + leeway)
		return TOKEN_EXPIRED;
	if (now < not_before - leeway || now < issued_at - leeway)
		return TOKEN_NOT_YET_VALID;
	return TOKEN_GOOD;
}

static TokenVerdict
check_claims(const TokenRules *rules, Json *claims, int64_t now_s, Token *token)
{
	const char *subject = json_string(json_member(claims, "sub"));
	Json *organization_claim = json_member(claims, "org");
	const char *organization = organization_claim ? json_string(organization_claim) : "";
	double expires_at = 0;
	TokenVerdict verdict = check_times(rules, claims, now_s, &expires_at);

	if (verdict != TOKEN_GOOD)
		return verdict;
	if (!is_audience_fine(rules->audiences, json_member(claims, "aud")))
		return TOKEN_WRONG_AUDIENCE;
	if (rules->issuers && *rules->issuers && !is_listed(rules->issuers, json_string(json_member(claims, "iss"))))
		return TOKEN_WRONG_ISSUER;
	if (!subject || !*subject || !is_id(subject) || !organization || !is_id(organization))
		return TOKEN_BAD_CLAIMS;
	token->subject = strdup(subject);
	token->organization = strdup(organization);
	token->expires_at_s = (int64_t) ceil(expires_at) + rules->leeway_s; /* in whole seconds as in check_times() */
	return TOKEN_GOOD;
}

/* A token of three parts whose signature is right. */
static TokenVerdict
read_claims(const KeyRing *ring, const Part *part, int64_t now_s, Token *token)
{
	char text[TOKEN_MAX_SIZE + 1];
	size_t size;
	const char *wrong;
	Json *claims;
	TokenVerdict verdict = TOKEN_MALFORMED;

	if (!decode(part, (unsigned char *) text, &size))
		return TOKEN_MALFORMED;
	text[size] = '\0';
	claims = json_parse(text, size, &wrong);
	if (claims)
		verdict = check_claims(ring->rules, claims, now_s, token);
	json_free(claims);
	if (verdict == TOKEN_GOOD)
		token->claims = strdup(text);
	if (verdict == TOKEN_GOOD && (!token->subject || !token->organization || !token->claims))
		verdict = TOKEN_BAD_CLAIMS;
	return verdict;
}

static TokenVerdict
verify(const KeyRing *ring, const char *text, int64_t now_s, Token *token)
{
	unsigned char bytes[TOKEN_MAX_SIZE];
	Part parts[3];
	size_t size;
	size_t signature_size;
	const char *wrong;
	Json *header;
	TokenVerdict verdict;

	if (!split(text, parts) || !decode(&parts[2], bytes, &signature_size) || !decode(&parts[1], bytes, &size) ||
		!decode(&parts[0], bytes, &size))
		return TOKEN_MALFORMED;
	header = json_parse((char *) bytes, size, &wrong);
	if (!header)
		return TOKEN_MALFORMED;
	verdict = verify_signature(ring, header, text, signature_size, now_s, &token->key_number);
	json_free(header);
	if (verdict == TOKEN_GOOD)
		verdict = read_claims(ring, &parts[1], now_s, token);
	if (verdict != TOKEN_GOOD)
		token_clear(token);
	return verdict;
}

TokenVerdict
token_verify(KeyRing *ring, const char *text, int64_t now_s, Token *token)
{
	size_t size = strlen(text);
	unsigned char digest[DIGEST_SIZE];
	Memory *memory;
	TokenVerdict verdict;

	*token = (Token){0};
	if (size > TOKEN_MAX_SIZE || !digest_of(text, size, digest))
		return TOKEN_MALFORMED;
	memory = memory_of(ring, digest);
	if (memory->token.claims && memcmp(memory->digest, digest, sizeof digest) == 0 &&
		keyring_has(ring, memory->token.key_number, now_s))
	{
		if (now_s >= memory->token.expires_at_s)
			return TOKEN_EXPIRED;
		return token_copy(token, &memory->token) ? TOKEN_GOOD : TOKEN_BAD_CLAIMS;
	}
	verdict = verify(ring, text, now_s, token);
	if (verdict == TOKEN_GOOD)
	{
		token_clear(&memory->token);
		memcpy(memory->digest, digest, sizeof digest);
		token_copy(&memory->token, token);
	}
	return verdict;
}

const char *
token_verdict_word(TokenVerdict verdict)
{
	return verdict_words[verdict];
}
