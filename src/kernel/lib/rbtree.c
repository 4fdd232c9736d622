// SPDX-License-Identifier: MIT
/* Red-black trees: rebalancing, removal, walking. (Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, 13) */
#include <kernel/rbtree.h>

/* Bit 0 of __rb_parent_color: set when black. A missing node counts as black. */
#define BLACK	1UL

static bool is_black(const struct rb_node *node)
{
	return !node || (node->__rb_parent_color & BLACK);
}

static void set_black(struct rb_node *node)
{
	node->__rb_parent_color |= BLACK;
}

static void set_red(struct rb_node *node)
{
	node->__rb_parent_color &= ~BLACK;
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->__rb_parent_color = (unsigned long)parent | (node->__rb_parent_color & BLACK);
}

/* Puts @new, which may be NULL, where @old hangs below @parent. */
static void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old, struct rb_node *new)
{
	if (!parent)
		root->rb_node = new;
	else if (parent->rb_left == old)
		parent->rb_left = new;
	else
		parent->rb_right = new;
	if (new)
		set_parent(new, parent);
}

static void rotate_left(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *right = node->rb_right;

	replace_child(root, rb_parent(node), node, right);
	node->rb_right = right->rb_left;
	if (node->rb_right)
		set_parent(node->rb_right, node);
	right->rb_left = node;
	set_parent(node, right);
}

static void rotate_right(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *left = node->rb_left;

	replace_child(root, rb_parent(node), node, left);
	node->rb_left = left->rb_right;
	if (node->rb_left)
		set_parent(node->rb_left, node);
	left->rb_right = node;
	set_parent(node, left);
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent;

	set_red(node);
	while ((parent = rb_parent(node)) && !is_black(parent)) {
		struct rb_node *grandparent = rb_parent(parent);
		bool left = parent == grandparent->rb_left;
		struct rb_node *uncle = left ? grandparent->rb_right : grandparent->rb_left;

		if (!is_black(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grandparent);
			node = grandparent;
			continue;
		}
		if (node == (left ? parent->rb_right : parent->rb_left)) {
			if (left)
				rotate_left(root, parent);
			else
				rotate_right(root, parent);
			node = parent;
			parent = rb_parent(node);
		}
		set_black(parent);
		set_red(grandparent);
		if (left)
			rotate_right(root, grandparent);
		else
			rotate_left(root, grandparent);
	}
	set_black(root->rb_node);
}

/* The path through @node, a child of @parent (maybe NULL), is one black node short. */
static void erase_color(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
	while (parent && is_black(node)) {
		bool left = parent->rb_left == node;
		struct rb_node *sibling = left ? parent->rb_right : parent->rb_left, *near, *far;

		if (!is_black(sibling)) {
			set_black(sibling);
			set_red(parent);
			if (left)
				rotate_left(root, parent);
			else
				rotate_right(root, parent);
			continue;
		}
		near = left ? sibling->rb_left : sibling->rb_right;
		far = left ? sibling->rb_right : sibling->rb_left;
		if (is_black(near) && is_black(far)) {
			set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (is_black(far)) {
			set_black(near);
			set_red(sibling);
			if (left)
				rotate_right(root, sibling);
			else
				rotate_left(root, sibling);
			far = sibling;
			sibling = near;
		}
		if (is_black(parent))
			set_black(sibling);
		else
			set_red(sibling);
		set_black(parent);
		set_black(far);
		if (left)
			rotate_left(root, parent);
		else
			rotate_right(root, parent);
		return;
	}
	if (node)
		set_black(node);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *child, *parent = rb_parent(node);
	bool black;

	if (node->rb_left && node->rb_right) {
		/* The successor takes the node's place and color. */
		struct rb_node *next = node->rb_right;

		while (next->rb_left)
			next = next->rb_left;
		black = is_black(next);
		child = next->rb_right;
		parent = rb_parent(next);
		if (parent == node) {
			parent = next;
		} else {
			replace_child(root, parent, next, child);
			next->rb_right = node->rb_right;
			set_parent(next->rb_right, next);
		}
		replace_child(root, rb_parent(node), node, next);
		next->rb_left = node->rb_left;
		set_parent(next->rb_left, next);
		next->__rb_parent_color = (next->__rb_parent_color & ~BLACK) | (node->__rb_parent_color & BLACK);
	} else {
		black = is_black(node);
		child = node->rb_left ? node->rb_left : node->rb_right;
		replace_child(root, parent, node, child);
	}
	if (black)
		erase_color(root, child, parent);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->rb_node;

	while (node && node->rb_left)
		node = node->rb_left;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *parent;

	if (node->rb_right) {
		node = node->rb_right;
		while (node->rb_left)
			node = node->rb_left;
		return (struct rb_node *)node;
	}
	while ((parent = rb_parent(node)) && node == parent->rb_right)
		node = parent;
	return parent;
}

