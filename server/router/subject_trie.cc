#include "server/router/subject_trie.h"
