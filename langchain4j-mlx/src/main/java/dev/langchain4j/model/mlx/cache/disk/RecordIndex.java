package dev.langchain4j.model.mlx.cache.disk;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Which records there are, how they hang together, and who needs them: a tree for each scope. Each user has tips, the
 * ends of what it needs; a record that is no tip and has none below it is needed by nobody. A record of which others
 * need a part only goes, too, when a user who needed the rest is forgotten: what it says behind that part is nobody
 * else's.
 *
 * <p>Knows no files. Guarded by its store.
 */
final class RecordIndex {
    /** Gives the tokens of a record, none for a state, or null if it cannot be read. */
    interface TokenReader {
        int[] tokens(DiskRecord record);
    }

    private static final Comparator<DiskRecord> YOUNGEST_FIRST =
            Comparator.comparingLong((DiskRecord record) -> record.id).reversed();

    private final Map<Long, DiskRecord> byId = new HashMap<>();
    private final Map<Long, DiskRecord> roots = new HashMap<>();
    /** Of each user the records at the ends of what it needs, and up to where. */
    private final Map<Long, Map<DiskRecord, Integer>> tips = new HashMap<>();

    private long nextId = 1;
    private long uses;

    DiskRecord get(long id) {
        return byId.get(id);
    }

    Collection<DiskRecord> all() {
        return byId.values();
    }

    int size() {
        return byId.size();
    }

    Set<Long> users() {
        return tips.keySet();
    }

    /** Users with whose keys records are encrypted; 0 may be among them. */
    Set<Long> owners() {
        return byId.values().stream().map(record -> record.owner).collect(Collectors.toSet());
    }

    List<Need> needs(long user) {
        List<Need> needs = new ArrayList<>();
        tips.getOrDefault(user, Map.of()).forEach((record, end) -> needs.add(new Need(record, end)));
        return needs;
    }

    DiskRecord root(long scope) {
        return roots.computeIfAbsent(scope, DiskRecord::root);
    }

    long nextId() {
        return nextId++;
    }

    /** Adds a record behind its parent. */
    void add(DiskRecord record) {
        nextId = Math.max(nextId, record.id + 1);
        byId.put(record.id, record);
        record.parent.children.add(record);
    }

    /** Sees to it that no ID is given twice, also none of a record that is gone. */
    void reserve(long id) {
        nextId = Math.max(nextId, id + 1);
    }

    /** The longest path that begins like these tokens. */
    DiskPath match(long scope, int[] tokens, TokenReader reader) {
        DiskRecord at = roots.get(scope);
        if (at == null) {
            return DiskPath.NONE;
        }
        List<DiskRecord> edges = new ArrayList<>();
        List<DiskRecord> states = new ArrayList<>();
        int matched = 0;
        while (true) {
            DiskRecord best = null;
            int bestMatched = matched;
            for (DiskRecord child : List.copyOf(at.children)) {
                if (!child.state
                        && child.start == matched
                        && matched < tokens.length
                        && (child.firstHidden || child.first == tokens[matched])) {
                    int end = matched(child, tokens, reader);
                    if (end > bestMatched) {
                        best = child;
                        bestMatched = end;
                    }
                }
            }
            addStates(at, matched, states, reader);
            if (best == null) {
                break;
            }
            edges.add(best);
            at = best;
            matched = bestMatched;
        }
        return new DiskPath(edges, states, matched, next(at, matched));
    }

    private static int matched(DiskRecord edge, int[] tokens, TokenReader reader) {
        int[] own = reader.tokens(edge);
        if (own == null) {
            return edge.start;
        }
        int length = Math.min(own.length, tokens.length - edge.start);
        int equal = 0;
        while (equal < length && own[equal] == tokens[edge.start + equal]) {
            equal++;
        }
        return edge.start + equal;
    }

    private static void addStates(DiskRecord edge, int matched, List<DiskRecord> states, TokenReader reader) {
        List.copyOf(edge.children).stream()
                .filter(child -> child.state && child.start <= matched && reader.tokens(child) != null)
                .sorted(Comparator.comparingInt(state -> state.start))
                .forEach(states::add);
    }

    private static int next(DiskRecord last, int matched) {
        if (matched < last.end) {
            return last.tokens[matched - last.start];
        }
        return last.children.stream()
                .filter(child -> !child.state && child.start == matched && !child.firstHidden)
                .max(Comparator.comparingLong(child -> child.used))
                .map(child -> child.first)
                .orElse(-1);
    }

    /** Counts a use of a record and of all that it stands on. */
    void use(DiskRecord record, long millis) {
        uses++;
        for (DiskRecord r = record; r.parent != null; r = r.parent) {
            r.used = uses;
            r.usedMillis = Math.max(r.usedMillis, millis);
        }
    }

    /** Lets a user need something, and nothing else if {@code noOthers}; what nobody needs then stays for now. */
    void needed(long user, Need need, boolean noOthers) {
        if (noOthers) {
            forgotten(user);
        }
        if (need.record().parent != null && !need.record().isDropped()) {
            Map<DiskRecord, Integer> own = tips.computeIfAbsent(user, unknown -> new LinkedHashMap<>());
            if (own.put(need.record(), Math.max(need.end(), own.getOrDefault(need.record(), 0))) == null) {
                need.record().tips++;
            }
        }
    }

    /** Lets a user need nothing; what nobody needs then stays for now. */
    void forgotten(long user) {
        Map<DiskRecord, Integer> own = tips.remove(user);
        if (own != null) {
            own.keySet().forEach(record -> record.tips--);
        }
    }

    /** Lets a user need these, and, if asked for, nothing else any more; gives the records that go. */
    List<DiskRecord> need(long user, Collection<Need> needs, boolean noOthers) {
        Set<DiskRecord> before = noOthers ? path(user) : Set.of();
        if (noOthers) {
            forgotten(user);
        }
        needs.forEach(need -> needed(user, need, false));
        return leave(before, path(user));
    }

    /** Forgets a user; gives the records that go, with those that nobody can read without its key. */
    List<DiskRecord> forget(long user) {
        Set<DiskRecord> before = path(user);
        forgotten(user);
        List<DiskRecord> removed = leave(before, Set.of());
        for (DiskRecord record : List.copyOf(all())) {
            if (record.owner == user && user != 0 && !record.isDropped()) {
                removed.addAll(remove(record));
            }
        }
        return removed;
    }

    /** All that a user needs, the end of a path before its beginning. */
    private Set<DiskRecord> path(long user) {
        Set<DiskRecord> path = new TreeSet<>(YOUNGEST_FIRST);
        for (DiskRecord tip : tips.getOrDefault(user, Map.of()).keySet()) {
            for (DiskRecord r = tip; r.parent != null && path.add(r); r = r.parent) {
                // up to the first token, or to what is there already
            }
        }
        return path;
    }

    /** Removes what a user needed, but does not now, and nobody else needs as a whole. */
    private List<DiskRecord> leave(Set<DiskRecord> before, Set<DiskRecord> now) {
        List<DiskRecord> removed = new ArrayList<>();
        for (DiskRecord record : before) {
            if (!record.isDropped()
                    && !now.contains(record)
                    && neededTo(record) < record.end + (record.state ? 1 : 0)) {
                removed.addAll(remove(record));
            }
        }
        return removed;
    }

    /** Up to which position anybody needs a record; of a state one more, so that it is not 0 tokens. */
    private int neededTo(DiskRecord record) {
        int to = record.start;
        for (DiskRecord child : record.children) {
            to = Math.max(to, child.start);
        }
        if (record.tips > 0) {
            for (Map<DiskRecord, Integer> own : tips.values()) {
                to = Math.max(to, own.getOrDefault(record, to) + (record.state ? 1 : 0));
            }
        }
        return to;
    }

    /** Removes a record with all that stands on it; who needed any of that needs what it stood on. */
    List<DiskRecord> remove(DiskRecord record) {
        List<DiskRecord> removed = new ArrayList<>();
        Set<Long> users = new HashSet<>();
        List<DiskRecord> open = new ArrayList<>(List.of(record));
        while (!open.isEmpty()) {
            DiskRecord next = open.removeLast();
            open.addAll(next.children);
            if (!next.isDropped()) {
                remove(next, removed, users);
            }
        }
        users.forEach(user -> needed(user, new Need(record.parent, record.start), false));
        return removed;
    }

    private void remove(DiskRecord record, List<DiskRecord> removed, Set<Long> users) {
        record.phase = DiskRecord.Phase.DROPPED;
        record.parent.children.remove(record);
        byId.remove(record.id);
        if (record.tips > 0) {
            tips.forEach((user, own) -> {
                if (own.remove(record) != null) {
                    users.add(user);
                }
            });
            tips.values().removeIf(Map::isEmpty);
            record.tips = 0;
        }
        if (record.parent.parent == null && record.parent.children.isEmpty()) {
            roots.remove(record.scope, record.parent);
        }
        removed.add(record);
    }

    /** Removes what no user needs, children before parents. */
    List<DiskRecord> removeUnneeded() {
        List<DiskRecord> removed = new ArrayList<>();
        List<DiskRecord> youngestFirst = new ArrayList<>(byId.values());
        youngestFirst.sort(YOUNGEST_FIRST);
        for (DiskRecord record : youngestFirst) {
            if (record.tips == 0 && record.children.isEmpty()) {
                remove(record, removed, new HashSet<>());
            }
        }
        return removed;
    }
}
