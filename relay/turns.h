/*
 * turns.h
 *	  In which lane the operations on a thing are, so that they keep their order.
 *
 * A thing is an item or a reservation, known by a number.  While operations on
 * it are in a lane, others on it go to the same one.  An operation on several
 * things that are in different lanes fits nowhere and has to wait until they
 * are done; meanwhile it holds back all that come later and touch what it does.
 *
 * Two things whose numbers are the same by chance share a lane, which does no
 * harm.
 */
#ifndef TURNS_H
#define TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Turns Turns;

/* Lanes that are free to be chosen are numbered from 0.  NULL without memory. */
Turns *turns_new(unsigned lane_count);
void turns_free(Turns *turns);

/* Where a thing goes when nothing is in its way. */
unsigned turns_home(const Turns *turns, uint64_t thing);

/* Where operations on it are; its home when there are none. */
unsigned turns_lane(Turns *turns, uint64_t thing);

/* The lane where an operation fits now; false when it has to wait. */
bool turns_fit(Turns *turns, const uint64_t *things, size_t count, unsigned *lane);

/*
 * An operation enters a lane, and leaves it when it is done.  Without memory
 * things are forgotten, and the order with them.
 */
void turns_enter(Turns *turns, const uint64_t *things, size_t count, unsigned lane);
void turns_leave(Turns *turns, const uint64_t *things, size_t count);

/* Operations on the thing are in another lane from now on. */
void turns_move(Turns *turns, uint64_t thing, unsigned lane);

/* An operation that does not fit waits, and waits no more. */
void turns_hold(Turns *turns, const uint64_t *things, size_t count);
void turns_unhold(Turns *turns, const uint64_t *things, size_t count);

/*
 * For going through those that wait, in their order.  Begins to go through; and
 * says where the next one fits, passing over what those before it that did not
 * fit hold back.
 */
void turns_begin(Turns *turns);
bool turns_fit_next(Turns *turns, const uint64_t *things, size_t count, unsigned *lane);

/* Things remembered. */
size_t turns_count(const Turns *turns);

#endif
