/**
 * @file redis_rows.h  Records of a foreign database, read once over a connection of its own.
 *
 *     connect --> SCAN ... --> HMGET ... --> done, connection closed        (one deadline for all)
 */
#pragma once

#include "storage/store.h"

/** End all of the handle with -ECANCELED. */
void redis_rows_cancel(struct store_handle *h);
