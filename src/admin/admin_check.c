#include "admin/admin_priv.h"

const struct verb admin_check_verbs[] = {
	{ 0 },
};
