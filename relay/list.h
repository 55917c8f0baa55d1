/*
 * list.h
 *	  An intrusive doubly linked list.
 *
 * The node lives inside the object, so adding never allocates and removing
 * needs no search.  A node is on one list or on none; a detached node has
 * next == NULL, and taking a detached node off again does nothing.
 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ListNode
{
	struct ListNode *previous;
	struct ListNode *next;
} ListNode;

typedef struct List
{
	ListNode head; /* circular: the head closes the ring */
} List;

/* The object of a given type whose member is this node. */
#define list_object(node, type, member) ((type *) (void *) ((char *) (node) -offsetof(type, member)))

static inline void
list_init(List *list)
{
	list->head.previous = list->head.next = &list->head;
}

static inline bool
list_is_empty(const List *list)
{
	return list->head.next == &list->head;
}

static inline bool
list_is_linked(const ListNode *node)
{
	return node->next != NULL;
}

/* Puts a detached node behind one that is on a list, or behind a list's head. */
static inline void
list_insert_after(ListNode *before, ListNode *node)
{
	node->previous = before;
	node->next = before->next;
	before->next->previous = node;
	before->next = node;
}

static inline void
list_append(List *list, ListNode *node)
{
	list_insert_after(list->head.previous, node);
}

static inline void
list_prepend(List *list, ListNode *node)
{
	list_insert_after(&list->head, node);
}

static inline void
list_remove(ListNode *node)
{
	if (!node->next)
		return;
	node->previous->next = node->next;
	node->next->previous = node->previous;
	node->previous = node->next = NULL;
}

/* First node, or NULL when the list is empty. */
static inline ListNode *
list_first(const List *list)
{
	/* the analyzer does not see that list_remove() has changed the neighbours */
	return list_is_empty(list) ? NULL : list->head.next; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static inline ListNode *
list_last(const List *list)
{
	return list_is_empty(list) ? NULL : list->head.previous;
}

/* Takes the first node off and returns it; NULL when the list is empty. */
static inline ListNode *
list_take_first(List *list)
{
	ListNode *first = list->head.next;

	if (first == &list->head)
		return NULL;
	list->head.next = first->next;
	first->next->previous = &list->head; /* NOLINT(clang-analyzer-core.NullDereference): likewise */
	first->previous = first->next = NULL;
	return first;
}

/* The node after this one, or NULL at the end. */
static inline ListNode *
list_next(const List *list, const ListNode *node)
{
	return node->next == &list->head ? NULL : node->next;
}

#endif
