/**
 * @file mi.h  What the mi plugin's parts share: its parameters.
 */
#pragma once

struct mi_conf {
	char *socket;
};
