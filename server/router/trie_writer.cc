#include "server/router/trie_writer.h"

#include <cstring>
#include <new>

#include "server/router/child_table.h"

namespace pipit::router {
namespace {

constexpr auto kToken = ChildName::kFirstToken;
constexpr auto kGroup = ChildName::kWholeText;

size_t node_bytes(const Node* node) { return sizeof(Node) + node->token_size; }
size_t leaf_bytes(const Leaf* leaf) {
  return (leaf->is_crowd ? sizeof(CrowdLeaf) : sizeof(SoloLeaf)) + leaf->text_size;
}

// The text of a leaf that hangs below a node where `rest` of its pattern is left.
std::string_view hanging_text(std::string_view rest) {
  const std::string_view token = first_token(rest);
  if (token == ">") return {};
  return token == "*" ? after_first_token(rest) : rest;
}

// The writer is the only one to store links, so its own loads need no order.
Link peek(const LinkSlot& slot) { return slot.load(std::memory_order_relaxed); }

// T1: makes what `link` names visible to readers. Partner: their acquire loads of links.
void publish(LinkSlot& slot, Link link) { slot.store(link, std::memory_order_release); }

bool has_nothing(const Node* node) {
  return peek(node->literals).empty() && peek(node->pwc).empty() && peek(node->here).empty() &&
         peek(node->fwc).empty();
}

}  // namespace

TrieWriter::TrieWriter(Epoch& epoch, uint64_t seed)
    : seed_(seed), memory_(epoch), root_(make_node({})) {}

TrieWriter::~TrieWriter() {
  std::vector<Link> rest{Link(root_)};
  while (!rest.empty()) {
    const Link link = rest.back();
    rest.pop_back();
    const auto later = [&rest](Link child) { rest.push_back(child); };
    if (link.is_leaf()) {
      Leaf* leaf = link.leaf();
      if (leaf->is_crowd) {
        for_each_child(leaf->crowd()->groups, later);
        give_back_table(peek(leaf->crowd()->groups), memory_);
        if (RefSet* set = leaf->crowd()->plain.load(std::memory_order_relaxed); set != nullptr)
          dispose(set, false, memory_);
      }
      memory_.give_back(leaf, leaf_bytes(leaf));
    } else {
      Node* node = link.node();
      for_each_child(node->literals, later);
      give_back_table(peek(node->literals), memory_);
      for (LinkSlot* slot : {&node->pwc, &node->here, &node->fwc})
        if (!peek(*slot).empty()) rest.push_back(peek(*slot));
      memory_.give_back(node, node_bytes(node));
    }
  }
}

void TrieWriter::insert(const TokenPath& pattern, std::string_view queue, SubRef ref) {
  Node* node = root_;
  for (size_t i = 0;; ++i) {
    const Place place = place_at(node, pattern, i);
    const Link link = place.slot == nullptr ? Link() : peek(*place.slot);
    if (link.is_node()) {
      node = link.node();
    } else if (link.empty()) {
      return hang(node, pattern.tail(i), make_leaf(place.text, queue, ref));
    } else if (link.leaf()->text() == place.text) {
      return join(*place.slot, queue, ref);
    } else {
      return fork(place, pattern, i, queue, ref);
    }
  }
}

bool TrieWriter::remove(const TokenPath& pattern, std::string_view queue, SubRef ref) {
  steps_.clear();
  Node* node = root_;
  for (size_t i = 0;; ++i) {
    const Place place = place_at(node, pattern, i);
    const Link link = place.slot == nullptr ? Link() : peek(*place.slot);
    if (link.is_node()) {
      steps_.push_back({node, place.slot, place.is_literal});
      node = link.node();
      continue;
    }
    if (link.empty() || link.leaf()->text() != place.text) return false;
    const Left left = leave(*place.slot, queue, ref);
    if (left == Left::kNotThere) return false;
    if (left == Left::kOthersStay) return true;
    clear(node, place.slot, place.is_literal);
    retire_leaf(link.leaf());  // T3
    break;
  }
  // Nodes that lead nowhere now go too, from the bottom up.
  for (; !steps_.empty() && has_nothing(node); steps_.pop_back()) {
    const Step& step = steps_.back();
    clear(step.node, step.slot, step.is_literal);
    memory_.retire(node, node_bytes(node));  // T3
    node = step.node;
  }
  return true;
}

TrieWriter::Place TrieWriter::place_at(Node* node, const TokenPath& pattern, size_t i) const {
  if (i == pattern.size()) return {&node->here, {}, false};
  if (pattern.is_fwc(i)) return {&node->fwc, {}, false};
  if (pattern.is_pwc(i)) return {&node->pwc, pattern.tail(i + 1), false};
  return {find_slot<kToken>(node->literals, pattern.token(i), pattern.hash(i)), pattern.tail(i),
          true};
}

// One more subscription on the pattern of the leaf in `slot`.
void TrieWriter::join(LinkSlot& slot, std::string_view queue, SubRef ref) {
  Leaf* leaf = peek(slot).leaf();
  CrowdLeaf* crowd = leaf->is_crowd ? leaf->crowd() : make_crowd(leaf->text());
  if (!leaf->is_crowd) add_ref(crowd->plain, leaf->solo()->ref, memory_);
  if (queue.empty()) {
    add_ref(crowd->plain, ref, memory_);
  } else {
    const uint32_t hash = hash_token(queue, seed_);
    LinkSlot* group = find_slot<kGroup>(crowd->groups, queue, hash);
    if (group != nullptr)
      join(*group, {}, ref);
    else
      add_child<kGroup>(crowd->groups, Link(make_solo(queue, ref)), hash, seed_, memory_);
  }
  if (leaf->is_crowd) return;
  publish(slot, Link(crowd));
  memory_.retire(leaf, leaf_bytes(leaf));  // T3
}

// One subscription less. kEmpty: the leaf has nobody left, the caller unlinks and retires it.
TrieWriter::Left TrieWriter::leave(LinkSlot& slot, std::string_view queue, SubRef ref) {
  Leaf* leaf = peek(slot).leaf();
  if (!leaf->is_crowd)
    return queue.empty() && leaf->solo()->ref == ref ? Left::kEmpty : Left::kNotThere;

  CrowdLeaf* crowd = leaf->crowd();
  if (queue.empty()) {
    if (!remove_ref(crowd->plain, ref, memory_)) return Left::kNotThere;
  } else {
    LinkSlot* group = find_slot<kGroup>(crowd->groups, queue, hash_token(queue, seed_));
    if (group == nullptr) return Left::kNotThere;
    Leaf* members = peek(*group).leaf();
    const Left left = leave(*group, {}, ref);
    if (left != Left::kEmpty) return left;
    drop_child(crowd->groups, group, memory_);
    retire_leaf(members);  // T3
  }

  if (!peek(crowd->groups).empty()) return Left::kOthersStay;
  const RefSet* set = crowd->plain.load(std::memory_order_relaxed);
  if (set == nullptr) return Left::kEmpty;
  if (set->size == 1) {
    SubRef last;
    set->for_each_chunk([&](std::span<const SubRef> members) { last = members.front(); });
    publish(slot, Link(make_solo(crowd->text(), last)));
    retire_leaf(crowd);  // T3
  }
  return Left::kOthersStay;
}

// Two patterns meet at a leaf: puts nodes in its place, as many as the patterns have tokens in
// common from here, and hangs both below. Readers see all of it or none (T5).
void TrieWriter::fork(const Place& place, const TokenPath& pattern, size_t i,
                      std::string_view queue, SubRef ref) {
  Leaf* old = peek(*place.slot).leaf();
  std::string_view rest = place.is_literal ? after_first_token(old->text()) : old->text();
  Node* top = make_node(place.is_literal ? pattern.token(i) : std::string_view());
  Node* node = top;
  for (++i; i < pattern.size() && !rest.empty() && first_token(rest) == pattern.token(i); ++i) {
    Node* below = make_node(pattern.is_pwc(i) ? std::string_view() : pattern.token(i));
    publish(pattern.is_pwc(i) ? node->pwc : node->literals, Link(below));
    rest = after_first_token(rest);
    node = below;
  }
  hang(node, rest, copy_leaf(old, hanging_text(rest)));
  const std::string_view tail = pattern.tail(i);
  hang(node, tail, make_leaf(hanging_text(tail), queue, ref));
  publish(*place.slot, Link(top));
  memory_.retire(old, leaf_bytes(old));  // T3; its members now belong to the copy
}

// Requires: the place for `rest` below `node` is free.
void TrieWriter::hang(Node* node, std::string_view rest, Leaf* leaf) {
  const std::string_view token = first_token(rest);
  if (rest.empty())
    publish(node->here, Link(leaf));
  else if (token == ">")
    publish(node->fwc, Link(leaf));
  else if (token == "*")
    publish(node->pwc, Link(leaf));
  else
    add_child<kToken>(node->literals, Link(leaf), hash_token(token, seed_), seed_, memory_);
}

void TrieWriter::clear(Node* node, LinkSlot* slot, bool is_literal) {
  if (is_literal)
    drop_child(node->literals, slot, memory_);
  else
    publish(*slot, Link());
}

Node* TrieWriter::make_node(std::string_view token) {
  auto* node = new (memory_.take(sizeof(Node) + token.size())) Node{};
  node->token_size = static_cast<uint32_t>(token.size());
  if (!token.empty()) std::memcpy(static_cast<void*>(node + 1), token.data(), token.size());
  return node;
}

Leaf* TrieWriter::make_solo(std::string_view text, SubRef ref) {
  auto* leaf = new (memory_.take(sizeof(SoloLeaf) + text.size())) SoloLeaf{};
  leaf->text_size = static_cast<uint32_t>(text.size()) & kTextSizeMask;
  leaf->ref = ref;
  if (!text.empty()) std::memcpy(static_cast<void*>(leaf + 1), text.data(), text.size());
  return leaf;
}

CrowdLeaf* TrieWriter::make_crowd(std::string_view text) {
  auto* leaf = new (memory_.take(sizeof(CrowdLeaf) + text.size())) CrowdLeaf{};
  leaf->text_size = static_cast<uint32_t>(text.size()) & kTextSizeMask;
  leaf->is_crowd = 1;
  if (!text.empty()) std::memcpy(static_cast<void*>(leaf + 1), text.data(), text.size());
  return leaf;
}

Leaf* TrieWriter::make_leaf(std::string_view text, std::string_view queue, SubRef ref) {
  if (queue.empty()) return make_solo(text, ref);
  CrowdLeaf* crowd = make_crowd(text);
  publish(crowd->groups, Link(make_solo(queue, ref)));
  return crowd;
}

// The same members under another text. They move: a crowd's sets belong to the copy from then on.
Leaf* TrieWriter::copy_leaf(const Leaf* leaf, std::string_view text) {
  if (!leaf->is_crowd) return make_solo(text, leaf->solo()->ref);
  CrowdLeaf* copy = make_crowd(text);
  copy->plain.store(leaf->crowd()->plain.load(std::memory_order_relaxed),
                    std::memory_order_release);
  publish(copy->groups, peek(leaf->crowd()->groups));
  return copy;
}

// Requires: no groups hang in it any more.
void TrieWriter::retire_leaf(Leaf* leaf) {
  if (leaf->is_crowd)
    if (RefSet* set = leaf->crowd()->plain.load(std::memory_order_relaxed); set != nullptr)
      dispose(set, true, memory_);
  memory_.retire(leaf, leaf_bytes(leaf));
}

}  // namespace pipit::router
