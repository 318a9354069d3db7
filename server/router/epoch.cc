#include "server/router/epoch.h"
