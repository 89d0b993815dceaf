/* A plugin that the host must refuse: wrong ABI, another name than its file, or a plugin missing before it. */
#include "core/host/plugin.h"

#ifndef BROKEN_ABI
#define BROKEN_ABI PH_PLUGIN_ABI
#endif
#ifndef BROKEN_NEEDS
#define BROKEN_NEEDS NULL
#endif

const struct ph_plugin ph_plugin = {
	.abi = BROKEN_ABI,
	.name = BROKEN_NAME,
	.version = PACKAGE_VERSION,
	.needs = BROKEN_NEEDS,
	.help = "For tests.",
};
