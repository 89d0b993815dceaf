/**
 * @file store_memory.h  The operations of the memory backend, by file.
 */
#pragma once

#include "storage/store_priv.h"

extern const struct store_node_ops memory_node_ops;     /**< store_memory_node.c */
extern const struct store_relay_ops memory_relay_ops;   /**< store_memory_relay.c */
extern const struct store_dialog_ops memory_dialog_ops; /**< store_memory_dialog.c */
