/* cover_test.c: from when on something may be shown that was read from the tables. */
#include "cover.h"
#include "tap.h"

static void
test_ticks(void)
{
	Stream *stream = stream_new(1000);
	Cover cover = {0};

	stream_advance(stream, "5-a", 5);
	ok(cover_state(&cover, stream) == COVER_VOID, "what was not asked for is void");
	cover = cover_begin(stream);
	cover.tick = 7;
	ok(cover_state(&cover, stream) == COVER_AWAITED, "a tick to come is awaited");
	stream_advance(stream, "6-a", 6);
	ok(cover_state(&cover, stream) == COVER_AWAITED, "as long as it has not been read");
	stream_advance(stream, "7-a", 7);
	ok(cover_state(&cover, stream) == COVER_REACHED, "the tick covers it");
	stream_advance(stream, "9-a", 9);
	ok(cover_state(&cover, stream) == COVER_REACHED, "and so do those behind it");
	stream_free(stream);
}

static void
test_lives(void)
{
	Stream *stream = stream_new(1000);
	Cover cover;

	stream_advance(stream, "5-a", 5);
	cover = cover_begin(stream);
	cover.tick = 6;
	stream_doubt(stream);
	ok(cover_state(&cover, stream) == COVER_VOID, "a link lost while it waits makes it void");
	stream_advance(stream, "6-a", 6);
	ok(cover_state(&cover, stream) == COVER_VOID, "for good, even when the tick of that number comes");
	cover = cover_begin(stream);
	cover.tick = 8;
	stream_restart(stream);
	stream_advance(stream, "9-b", 9);
	ok(cover_state(&cover, stream) == COVER_VOID, "another log does not cover what is of the former");
	cover = cover_begin(stream);
	cover.tick = 9;
	ok(cover_state(&cover, stream) == COVER_REACHED, "but what is its own");
	stream_free(stream);
}

int
main(void)
{
	test_ticks();
	test_lives();
	return tap_done();
}
