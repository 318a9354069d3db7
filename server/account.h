// Account: a space of subjects of its own. There is one, $G, until accounts are configurable.
#pragma once
#include <string>

#include "server/router/epoch.h"
#include "server/router/subject_trie.h"

namespace pipit {

struct Account {
  Account(std::string account_name, router::Epoch& epoch)
      : name(std::move(account_name)), interest(epoch) {}
  const std::string name;
  router::SubjectTrie interest;
};

}  // namespace pipit
