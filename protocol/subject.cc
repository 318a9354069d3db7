#include "protocol/subject.h"
