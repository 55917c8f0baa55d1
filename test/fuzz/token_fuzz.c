/*
 * token_fuzz.c
 *	  Tokens, in any shape, and files of keys.
 *
 * The first byte says what the rest is:
 *
 *	  'k'   a file of keys
 *	  's'   a header and claims, a line each, which are signed here: or nothing
 *			behind the check of the signature would ever be reached
 *	  else  a token
 *
 * A token that was not signed here must never be good, and a good one has a
 * subject and an end that is still to come.
 */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "token.h"

#define NOW 1700000000
#define SECRET "0123456789abcdef0123456789abcdef"

static TokenRules rules = {.leeway_s = 30, .overlap_s = 600};

static void
append_base64url(Buf *buf, const uint8_t *bytes, size_t size)
{
	unsigned char *text = malloc(size / 3 * 4 + 8);
	int text_size = EVP_EncodeBlock(text, bytes, (int) size);

	for (int i = 0; i < text_size && text[i] != '='; i++)
		buf_append_char(buf, text[i] == '+' ? '-' : text[i] == '/' ? '_'
																   : (char) text[i]);
	free(text);
}

/* NULL when it becomes too long for a token. */
static const char *
sign(Buf *token, const uint8_t *bytes, size_t size)
{
	const uint8_t *line = memchr(bytes, '\n', size);
	size_t header_size = line ? (size_t) (line - bytes) : size;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_size;

	append_base64url(token, bytes, header_size);
	buf_append_char(token, '.');
	if (line)
		append_base64url(token, line + 1, size - header_size - 1);
	HMAC(EVP_sha256(), SECRET, (int) strlen(SECRET), (const unsigned char *) token->bytes, token->size, mac, &mac_size);
	buf_append_char(token, '.');
	append_base64url(token, mac, mac_size);
	return token->failed ? NULL : buf_text(token);
}

static void
verify(const char *text, bool may_be_good)
{
	KeyRing *ring = keyring_new(&rules);
	Buf error = {0};
	Token token = {0};
	TokenVerdict verdict;

	assert(keyring_load(ring, SECRET, "", NOW, &error));
	verdict = token_verify(ring, text, NOW, &token);
	if (verdict == TOKEN_GOOD)
	{
		assert(may_be_good);
		assert(*token.subject && token.organization && *token.claims);
		assert(token.expires_at_s > NOW);
		token_clear(&token);
		assert(token_verify(ring, text, NOW, &token) == TOKEN_GOOD); /* from memory */
	}
	assert(*token_verdict_word(verdict));
	token_clear(&token);
	keyring_free(ring);
	buf_free(&error);
}

static void
load_keys(const uint8_t *bytes, size_t size)
{
	static int fd = -1;
	static char path[64];
	KeyRing *ring = keyring_new(&rules);
	Token token = {0};
	Buf error = {0};

	if (fd < 0)
	{
		fd = memfd_create("keys", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size, 0) < 0)
		abort();
	if (keyring_load(ring, "", path, NOW, &error))
		assert(token_verify(ring, "eyJhbGciOiJub25lIn0.e30.", NOW, &token) != TOKEN_GOOD);
	else
		assert(error.size > 0 && keyring_is_empty(ring));
	token_clear(&token);
	keyring_free(ring);
	buf_free(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	Buf token = {0};
	const char *text;

	if (size == 0)
		return 0;
	switch (bytes[0])
	{
		case 'k':
			load_keys(bytes + 1, size - 1);
			break;
		case 's':
			text = sign(&token, bytes + 1, size - 1);
			if (text)
				verify(text, true);
			break;
		default:
			buf_append(&token, bytes, size);
			verify(buf_text(&token), false);
	}
	buf_free(&token);
	return 0;
}
